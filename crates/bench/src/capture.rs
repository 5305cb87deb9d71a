//! What it costs to capture changes: the figures come from a program of its own, because the
//! session extension needs a SQLCipher with other options than the shipped one.

use std::{path::Path, process::Command};

use serde_json::Value as Json;

use crate::{
    place::text,
    report::{Line, Report, Samples, Target},
};

/// Runs the program that `cargo xtask bench` built, and takes over its figures.
///
/// # Errors
/// It fails or prints something else.
pub fn measure(target: &Path, responses: u32, report: &mut Report) -> Result<(), String> {
    println!("\nways to capture changes");
    let program = target.join("capture/release/gladstone-capture");
    if !program.exists() {
        println!("  left out: the program is missing (`cargo xtask bench` builds it)");
        return Ok(());
    }
    let place = target.join("bench");
    let output = Command::new(&program).arg(responses.to_string()).arg(&place).output().map_err(text)?;
    if !output.status.success() {
        return Err(format!("capture: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let lines: Vec<Json> = String::from_utf8_lossy(&output.stdout).lines().map(serde_json::from_str).collect::<Result<_, _>>().map_err(text)?;
    let samples = |json: &Json| {
        let mut samples = Samples::default();
        json["microseconds"].as_array().into_iter().flatten().filter_map(Json::as_f64).for_each(|value| samples.push(value));
        samples
    };
    let none = lines.first().map(&samples).unwrap_or_default();
    for line in &lines {
        report.add(Line::new(format!("capture, a response: {}", line["name"].as_str().unwrap_or_default()), "µs", &samples(line), Target::None).beside(&none));
    }
    Ok(())
}
