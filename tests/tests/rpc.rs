//! The real `gladstone` program, talked to as scripts and pipes do.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio},
};

use gladstone_tests::program;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

const PASSPHRASE: &str = "violet anchor tundra mosaic";

/// The program in a home of its own.
fn gladstone(home: &Path) -> Command {
    let mut command = Command::new(program());
    command.env_remove("GLADSTONE_VAULTS").env_remove("GLADSTONE_PASSPHRASE").env("GLADSTONE_KEY_COST", "floor");
    command.env("HOME", home).env("XDG_DATA_HOME", home.join("data")).current_dir(home);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running `gladstone rpc`.
struct Talk {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    asked: u64,
}

impl Talk {
    fn start(home: &TempDir, more: &[&str]) -> Talk {
        let mut child = gladstone(home.path()).args(["rpc", "--no-keyring"]).args(more).stderr(Stdio::inherit()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Talk { child, input, output, asked: 0 }
    }

    fn write(&mut self, line: &[u8]) {
        self.input.as_mut().unwrap().write_all(line).unwrap();
        self.input.as_mut().unwrap().flush().unwrap();
    }

    /// The next line; nothing when the program ended.
    fn read(&mut self) -> Option<Json> {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.ends_with('\n').then(|| serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line} is no JSON: {error}")))
    }

    fn ask(&mut self, command: &str, request: Json) -> Json {
        self.asked += 1;
        self.write(format!("{}\n", json!({ "id": self.asked, "command": command, "request": request })).as_bytes());
        let answer = self.read().unwrap();
        assert_eq!(answer["id"], self.asked, "{answer}");
        answer
    }

    fn ok(&mut self, command: &str, request: Json) -> Json {
        let shown = request.to_string();
        let mut answer = self.ask(command, request);
        assert!(answer.get("error").is_none(), "{command} {shown}: {answer}");
        answer["ok"].take()
    }

    /// A vault with a confirmed code, and one person.
    fn make_vault(&mut self) -> (String, String) {
        let made = self.ok("vault.create", json!({ "label": "Practice", "person_name": "Amara Okafor", "passphrase": PASSPHRASE }));
        self.ok("vault.confirm_recovery", json!({ "code": made["recovery_code"] }));
        let person = self.ok("people.register", json!({ "name": "Tomasz Wieczorek" }));
        (text(&made["vault_id"]), text(&person["id"]))
    }

    fn unlock(&mut self, vault: &str) {
        self.ok("vault.unlock", json!({ "vault_id": vault, "passphrase": PASSPHRASE }));
    }

    fn start_phq9(&mut self, person: &str) -> Json {
        let forms = self.ok("questionnaires.list", json!({ "text": "PHQ-9" }));
        self.ok("responses.start", json!({ "person_id": person, "questionnaire_id": forms[0]["id"], "mode": "self" }))
    }

    /// No more lines come; the program ends by itself.
    fn end(mut self) {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert!(rest.is_empty(), "nothing unasked is said: {rest}");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // It may have ended already; either way it must not outlive the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(json: &Json) -> String {
    json.as_str().unwrap_or_else(|| panic!("{json} is no text")).to_owned()
}

fn run(home: &TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    gladstone(home.path()).args(arguments).envs(environment.iter().copied()).stdin(Stdio::null()).output().unwrap()
}

fn command_list() -> Vec<Json> {
    let home = tempfile::tempdir().unwrap();
    let output = run(&home, &["commands", "--json"], &[]);
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn resolve<'s>(schema: &'s Json, root: &'s Json) -> &'s Json {
    match schema["$ref"].as_str() {
        Some(path) => resolve(path.strip_prefix('#').and_then(|path| root.pointer(path)).unwrap_or_else(|| panic!("{path} leads nowhere")), root),
        None => schema,
    }
}

/// Whether a schema is one: every keyword has the form that JSON Schema 2020-12 gives it.
fn check_schema(schema: &Json, root: &Json, at: &str) {
    let Some(keywords) = schema.as_object() else {
        assert!(schema.is_boolean(), "{at}: {schema} is no schema");
        return;
    };
    for (keyword, value) in keywords {
        let at = format!("{at}/{keyword}");
        match keyword.as_str() {
            "$schema" => assert_eq!(value, "https://json-schema.org/draft/2020-12/schema", "{at}"),
            "$ref" => drop(resolve(schema, root)),
            "$defs" | "properties" => value.as_object().unwrap_or_else(|| panic!("{at}")).iter().for_each(|(name, of)| check_schema(of, root, &format!("{at}/{name}"))),
            "items" | "additionalProperties" => check_schema(value, root, &at),
            "anyOf" | "oneOf" | "allOf" => value.as_array().filter(|several| !several.is_empty()).unwrap_or_else(|| panic!("{at}")).iter().for_each(|of| check_schema(of, root, &at)),
            "required" => {
                let properties = schema["properties"].as_object().unwrap_or_else(|| panic!("{at}: required without properties"));
                assert!(value.as_array().unwrap().iter().all(|name| properties.contains_key(name.as_str().unwrap())), "{at}: {value}");
            }
            "type" => {
                let types = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
                assert!(types.iter().all(|ty| matches!(ty.as_str(), Some("object" | "array" | "string" | "integer" | "number" | "boolean" | "null"))), "{at}: {value}");
            }
            "enum" => assert!(value.as_array().is_some_and(|choices| !choices.is_empty()), "{at}"),
            "minimum" | "maximum" => assert!(value.is_number(), "{at}"),
            "description" | "title" | "format" => assert!(value.is_string(), "{at}"),
            "const" | "default" => {}
            _ => panic!("{at}: an unknown keyword"),
        }
    }
}

/// What in a value does not fit a schema.
fn misfit(value: &Json, schema: &Json, root: &Json, at: &str) -> Option<String> {
    let schema = resolve(schema, root);
    if schema == &json!(false) {
        return Some(format!("{at} is not allowed"));
    }
    let several = ["anyOf", "oneOf"].iter().find_map(|keyword| schema[*keyword].as_array());
    if let Some(several) = several
        && several.iter().all(|one| misfit(value, one, root, at).is_some())
    {
        return Some(format!("{at}: {value} is none of the alternatives"));
    }
    let name = match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(number) if number.is_f64() => "number",
        Json::Number(_) => "integer",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    let types: Vec<&str> = schema["type"].as_str().into_iter().chain(schema["type"].as_array().into_iter().flatten().filter_map(Json::as_str)).collect();
    let fits = types.is_empty() || types.contains(&name) || name == "integer" && types.contains(&"number");
    if !fits {
        return Some(format!("{at}: {value} is no {types:?}"));
    }
    if schema.get("const").is_some_and(|only| only != value) || schema["enum"].as_array().is_some_and(|choices| !choices.contains(value)) {
        return Some(format!("{at}: {value} is no choice"));
    }
    if let Some(items) = value.as_array()
        && let Some(of) = schema.get("items")
    {
        return items.iter().enumerate().find_map(|(index, item)| misfit(item, of, root, &format!("{at}[{index}]")));
    }
    if let Some(map) = value.as_object() {
        let missing = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).find(|name| !map.contains_key(*name));
        if let Some(missing) = missing {
            return Some(format!("{at} lacks {missing}"));
        }
        if let Some(properties) = schema["properties"].as_object() {
            let declared = several.is_some() || schema.get("additionalProperties").is_some();
            return map.iter().find_map(|(name, value)| match properties.get(name) {
                Some(of) => misfit(value, of, root, &format!("{at}.{name}")),
                None => (!declared).then(|| format!("{at} holds {name}, which is not declared")),
            });
        }
    }
    None
}

#[test]
fn every_command_is_listed_with_the_schemas_of_request_and_response() {
    let listed = command_list();
    let names: Vec<String> = listed.iter().map(|command| text(&command["name"])).collect();
    assert_eq!(names, gladstone_desk::all().iter().map(|command| command.name).collect::<Vec<_>>());
    for command in &listed {
        let name = text(&command["name"]);
        assert_eq!(command["request"]["type"], "object", "{name}: a request is an object");
        for part in ["request", "response"] {
            assert!(command[part]["title"].is_string(), "{name}");
            check_schema(&command[part], &command[part], &format!("{name} {part}"));
        }
        assert!(matches!(command["access"].as_str(), Some("always" | "unlocked")) && command["writes"].is_boolean() && command["reads"].is_array(), "{name}");
    }
    let home = tempfile::tempdir().unwrap();
    let plain = String::from_utf8(run(&home, &["commands"], &[]).stdout).unwrap();
    assert!(names.iter().all(|name| plain.lines().any(|line| line.starts_with(&format!("{name} ")))), "{plain}");
}

#[test]
fn a_reader_that_goes_away_early_is_no_fault() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [&["commands", "--json"][..], &["commands"]] {
        let mut child = gladstone(home.path()).args(arguments).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn answers_and_errors_have_the_form_that_is_declared() {
    let schemas: BTreeMap<String, Json> = command_list().into_iter().map(|mut command| (text(&command["name"]), command["response"].take())).collect();
    let home = tempfile::tempdir().unwrap();
    let mut talk = Talk::start(&home, &[]);
    let fits = |talk: &mut Talk, command: &str, request: Json| {
        let answer = talk.ok(command, request);
        if let Some(why) = misfit(&answer, &schemas[command], &schemas[command], command) {
            panic!("{why}");
        }
        answer
    };
    fits(&mut talk, "app.status", json!({}));
    fits(&mut talk, "app.commands", json!({}));
    fits(&mut talk, "model.entities", json!({}));
    fits(&mut talk, "vault.passphrase_strength", json!({ "passphrase": PASSPHRASE }));
    let (vault, person) = talk.make_vault();
    fits(&mut talk, "sample.generate", json!({ "seed": 1 }));
    let patient = fits(&mut talk, "people.find", json!({ "text": "Leila", "limit": null }))["people"][0].clone();
    fits(&mut talk, "people.similar", json!({ "name": patient["name"] }));
    let profile = fits(&mut talk, "people.profile", json!({ "id": patient["id"] }));
    fits(&mut talk, "responses.trend", json!({ "person_id": patient["id"], "code": profile["scores"][0]["code"] }));
    fits(&mut talk, "responses.result", json!({ "id": profile["scores"][0]["response_id"] }));
    let forms = fits(&mut talk, "questionnaires.list", json!({ "text": "PHQ-9" }));
    fits(&mut talk, "questionnaires.get", json!({ "id": forms[0]["id"] }));
    let begun = fits(&mut talk, "responses.start", json!({ "person_id": person, "questionnaire_id": forms[0]["id"], "mode": "telephone" }));
    let ninth = &begun["form"]["items"][8]["question_id"];
    let saved = fits(&mut talk, "responses.answer", json!({ "id": begun["id"], "question_id": ninth, "value": 2 }));
    fits(&mut talk, "responses.state", json!({ "id": begun["id"] }));
    fits(&mut talk, "responses.decline", json!({ "id": begun["id"], "question_id": begun["form"]["items"][0]["question_id"] }));
    fits(&mut talk, "responses.complete", json!({ "id": begun["id"], "with_missing": true }));
    fits(&mut talk, "alerts.list", json!({}));
    fits(&mut talk, "alerts.act", json!({ "id": saved["alert"]["id"], "action": "referred", "note": "Told the duty clinician." }));
    fits(&mut talk, "today.get", json!({}));
    fits(&mut talk, "records.list", json!({ "entity": "answers", "limit": 5 }));
    fits(&mut talk, "records.history", json!({ "entity": "answers", "id": text(&begun["id"]) }));
    fits(&mut talk, "records.references", json!({ "entity": "beneficiaries", "text": "Leila" }));
    fits(&mut talk, "search.find", json!({ "text": "hospital" }));
    fits(&mut talk, "settings.get", json!({}));
    fits(&mut talk, "vault.back_up", json!({}));
    fits(&mut talk, "vault.backups", json!({}));
    fits(&mut talk, "vault.verify", json!({}));
    fits(&mut talk, "jobs.progress", json!({}));
    fits(&mut talk, "app.status", json!({}));

    for (command, request, code, field) in [
        ("people.fly", json!({}), "unknown_command", None),
        ("people.find", json!([]), "bad_request", None),
        ("people.find", json!({}), "bad_request", None),
        ("people.register", json!({ "name": "" }), "invalid", Some("name")),
        ("responses.answer", json!({ "id": begun["id"], "question_id": ninth, "value": 1 }), "sealed", None),
        ("records.get", json!({ "entity": "users", "id": vault }), "not_found", None),
        ("vault.unlock", json!({ "vault_id": person, "passphrase": "wrong" }), "not_found", None),
        ("vault.change_passphrase", json!({ "passphrase": "wrong", "new_passphrase": "copper lantern willow harbour" }), "wrong_secret", Some("passphrase")),
        ("vault.lock", json!([]), "bad_request", None),
    ] {
        let answer = talk.ask(command, request);
        let error = &answer["error"];
        assert!(answer.get("ok").is_none() && error["message"].as_str().is_some_and(|message| !message.is_empty()), "{command}: {answer}");
        assert_eq!((error["code"].as_str(), error.get("field").and_then(Json::as_str)), (Some(code), field), "{command}: {answer}");
        assert!(error.as_object().unwrap().keys().all(|key| matches!(key.as_str(), "code" | "message" | "field")), "{answer}");
    }
    talk.ok("vault.lock", json!({}));
    for (command, request, code) in [("people.find", json!({ "text": "" }), "locked"), ("vault.unlock", json!({ "vault_id": vault, "passphrase": "wrong" }), "wrong_secret")] {
        assert_eq!(talk.ask(command, request)["error"]["code"], code, "{command}");
    }
    talk.end();
}

#[test]
fn a_bad_line_is_answered_and_the_next_one_is_heard() {
    let home = tempfile::tempdir().unwrap();
    let mut talk = Talk::start(&home, &[]);
    let long = format!("{{\"id\":1,\"command\":\"{}\"}}", "x".repeat(1_000_000));
    for (bad, id, code) in [
        (&b"this is no JSON"[..], Json::Null, "bad_request"),
        (b"{\"id\":1,\"command\":\"app.status\"", Json::Null, "bad_request"),
        (b"[]", Json::Null, "bad_request"),
        (b"7", Json::Null, "bad_request"),
        (b"\"app.status\"", Json::Null, "bad_request"),
        (b"{}", Json::Null, "bad_request"),
        (b"{\"id\":\"a\"}", json!("a"), "bad_request"),
        (b"{\"id\":[1],\"command\":7}", json!([1]), "bad_request"),
        (b"{\"id\":2,\"command\":\"app.status\",\"request\":\"x\"}", json!(2), "bad_request"),
        (b"{\"id\":3,\"command\":\"\"}", json!(3), "unknown_command"),
        (b"\xff\xfe{\"id\":4}", Json::Null, "bad_request"),
        (b"\0\0\0", Json::Null, "bad_request"),
        (long.as_bytes(), json!(1), "unknown_command"),
    ] {
        let shown: String = String::from_utf8_lossy(bad).chars().take(80).collect();
        talk.write(bad);
        talk.write(b"\r\n\n  \n");
        let answer = talk.read().unwrap_or_else(|| panic!("“{shown}” ended the program"));
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &json!(code)), "{shown}");
        assert_eq!(talk.ok("app.status", json!({}))["state"], "first_start", "the line after “{shown}” is heard");
    }
    talk.write(b"{\"id\":9,\"command\":\"app.status\"}");
    drop(talk.input.take());
    assert_eq!(talk.read().unwrap()["id"], 9, "the last line needs no end of line");
    talk.end();
}

#[test]
fn lines_in_flight_are_answered_in_their_order() {
    let home = tempfile::tempdir().unwrap();
    let mut talk = Talk::start(&home, &[]);
    let (_, person) = talk.make_vault();
    let state = talk.start_phq9(&person);
    let mut lines = String::new();
    for at in 0..40 {
        let line = match at % 4 {
            0 => json!({ "id": at, "command": "people.similar", "request": { "name": "Tomasz Wieczorek" } }),
            1 => json!({ "id": at, "command": "responses.answer", "request": { "id": state["id"], "question_id": state["form"]["items"][0]["question_id"], "value": at / 4 % 4 } }),
            2 => json!({ "id": at, "command": "responses.state", "request": { "id": state["id"] } }),
            _ => json!({ "id": at, "command": "no.such_command" }),
        };
        lines.push_str(&format!("{line}\n"));
    }
    talk.write(lines.as_bytes());
    for at in 0..40 {
        let answer = talk.read().unwrap();
        assert_eq!(answer["id"], at);
        if at % 4 == 2 {
            assert_eq!(answer["ok"]["answers"][0]["value"], at / 4 % 4, "a line sees what the line before it saved");
        }
    }
    talk.end();
}

#[test]
fn killing_the_program_between_answers_loses_none_that_was_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let mut talk = Talk::start(&home, &[]);
    let (vault, person) = talk.make_vault();
    let state = talk.start_phq9(&person);
    let questions: Vec<Json> = state["form"]["items"].as_array().unwrap().iter().take(8).map(|item| item["question_id"].clone()).collect();
    let mut acknowledged = 0;
    for (round, patience) in [3_u64, 17, 40].into_iter().enumerate() {
        let sent: Vec<(usize, u64)> = (0..200_u64).map(|at| ((at % 8) as usize, (at / 8 + round as u64) % 4)).collect();
        let mut input = talk.input.take().unwrap();
        let lines: Vec<String> = sent.iter().enumerate().map(|(at, (question, value))| format!("{}\n", json!({ "id": at, "command": "responses.answer", "request": { "id": state["id"], "question_id": questions[*question], "value": value } }))).collect();
        // The program dies while lines are still on their way, so writing may fail.
        let writer = std::thread::spawn(move || lines.iter().all(|line| input.write_all(line.as_bytes()).is_ok()));
        let mut heard = 0;
        while heard < patience {
            let answer = talk.read().unwrap();
            assert_eq!((&answer["id"], answer.get("error")), (&json!(heard), None), "{answer}");
            heard += 1;
        }
        talk.child.kill().unwrap();
        while let Some(answer) = talk.read_torn() {
            assert_eq!(answer["id"], heard, "{answer}");
            heard += 1;
        }
        writer.join().unwrap();
        acknowledged += heard;
        talk = Talk::start(&home, &[]);
        talk.unlock(&vault);
        assert_eq!(talk.ok("app.status", json!({}))["state"], "unlocked", "a killed program is no alarm");
        let kept = talk.ok("responses.state", json!({ "id": state["id"] }));
        for (question, id) in questions.iter().enumerate() {
            let Some(last) = (0..heard as usize).rev().find(|at| sent[*at].0 == question) else { continue };
            let stored = kept["answers"].as_array().unwrap().iter().find(|answer| answer["question_id"] == *id).unwrap_or_else(|| panic!("item {} was acknowledged and is gone", question + 1));
            let value = stored["value"].as_u64().unwrap();
            // A line that was still on its way may have been saved too, without an answer.
            let allowed: Vec<u64> = sent[last..].iter().filter(|(of, _)| *of == question).take(2).map(|(_, value)| *value).collect();
            assert!(allowed.contains(&value), "item {}: {value} is stored, {allowed:?} was sent last", question + 1);
        }
        talk.ok("vault.verify", json!({}));
    }
    assert!(acknowledged >= 60);
    talk.end();
}

impl Talk {
    /// What was still in the pipe when the program was killed; the last line may be torn.
    fn read_torn(&mut self) -> Option<Json> {
        let mut line = String::new();
        self.output.read_line(&mut line).ok()?;
        if line.ends_with('\n') { serde_json::from_str(&line).ok() } else { None }
    }
}

#[test]
fn events_stand_between_the_answers_when_they_are_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let mut talk = Talk::start(&home, &["--events"]);
    let until = |talk: &mut Talk, command: &str, request: Json| -> (Vec<Json>, Json) {
        talk.write(format!("{}\n", json!({ "id": command, "command": command, "request": request })).as_bytes());
        let mut events = Vec::new();
        loop {
            let mut line = talk.read().unwrap();
            if line.get("event").is_none() {
                assert!(line["id"] == command && line.get("error").is_none(), "{line}");
                return (events, line["ok"].take());
            }
            events.push(line["event"].take());
        }
    };
    let (_, made) = until(&mut talk, "vault.create", json!({ "label": "Practice", "person_name": "Amara Okafor", "passphrase": PASSPHRASE }));
    until(&mut talk, "vault.confirm_recovery", json!({ "code": made["recovery_code"] }));
    let (events, _) = until(&mut talk, "people.register", json!({ "name": "Kofi Mensah" }));
    assert_eq!(events, [json!({ "kind": "changed", "entities": ["user_profiles", "users"] })]);
    let (events, _) = until(&mut talk, "people.find", json!({ "text": "" }));
    assert!(events.is_empty(), "reading changes nothing: {events:?}");
    let (events, _) = until(&mut talk, "vault.lock", json!({}));
    assert_eq!(events, [json!({ "kind": "locked" })]);
}

#[test]
fn the_named_commands_work_and_say_what_is_wrong() {
    let home = tempfile::tempdir().unwrap();
    let vaults = home.path().join("data/gladstone/vaults");
    let right = [("GLADSTONE_PASSPHRASE", PASSPHRASE)];
    let none = run(&home, &["verify", "--no-keyring"], &right);
    assert_eq!((none.status.code(), none.stdout.len()), (Some(1), 0));
    assert!(String::from_utf8_lossy(&none.stderr).contains("--vaults"));
    let mut talk = Talk::start(&home, &[]);
    talk.make_vault();
    let saved = talk.ok("vault.save_code", json!({ "code": "ABCD" }));
    assert_eq!(text(&saved["path"]), home.path().join("gladstone-recovery-code.txt").to_string_lossy(), "without a folder it goes to the home folder");
    talk.end();
    assert_eq!(fs::read_dir(&vaults).unwrap().count(), 1, "without --vaults they lie in the data folder of the person");

    let named = vaults.to_string_lossy();
    for (arguments, key) in [(vec!["sample-data", "--seed", "2", "--vaults", &*named], "records"), (vec!["verify"], "entries"), (vec!["backup", "--vault", &*named], "bytes")] {
        let output = run(&home, &[&arguments[..], &["--no-keyring"]].concat(), &right);
        let printed: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
        assert!(output.status.success() && printed[key].as_u64().unwrap() > 0, "{arguments:?}: {printed}");
    }
    let wrong = run(&home, &["verify", "--no-keyring"], &[("GLADSTONE_PASSPHRASE", "not the passphrase at all")]);
    assert_eq!((wrong.status.code(), wrong.stdout.len()), (Some(1), 0));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("passphrase"));
    for arguments in [&["fly"][..], &[], &["sample-data", "--seed", "x"], &["rpc", "--no-such-thing"]] {
        assert_eq!(run(&home, arguments, &[]).status.code(), Some(2), "{arguments:?}");
    }
}
