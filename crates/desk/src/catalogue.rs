//! The list of all commands: name, who may call it, whether it writes, which entities its answer
//! depends on, and its types. Everything else about commands follows from this list.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;
use ts_rs::TS;

use crate::{
    commands::{alerts, app, calendar, files, files_add, change, lease, model, people, questionnaires, records, responses, results, review, sample, settings, sync, sync_join, sync_now, sync_picture, sync_queue, team, today, vault},
    desk::Desk,
    error::{Code, DeskError},
    typescript::Types,
};

/// When a command may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// At any time.
    Always,
    /// With an open vault.
    Unlocked,
}

/// One command.
pub struct Command {
    /// Name, for example `people.register`.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// When it may be called.
    pub access: Access,
    /// Whether it writes rows.
    pub writes: bool,
    /// Entities that its answer depends on; `*` for any.
    pub reads: &'static [&'static str],
    /// Runs it.
    pub run: fn(&Desk, Json) -> Result<Json, DeskError>,
    /// JSON schemas of request and response.
    pub schemas: fn() -> (Json, Json),
    /// TypeScript names of request and response; adds their declarations.
    pub types: fn(&mut Types) -> (String, String),
}

/// All commands, in the order of their groups.
pub fn all() -> &'static [Command] {
    ALL
}

/// A command by its name.
pub fn find(name: &str) -> Option<&'static Command> {
    ALL.iter().find(|command| command.name == name)
}

fn call<Q: DeserializeOwned, A: Serialize>(desk: &Desk, request: Json, f: fn(&Desk, Q) -> Result<A, DeskError>) -> Result<Json, DeskError> {
    let unfit = |why: String| DeskError::new(Code::BadRequest, format!("The request does not fit this command: {why}."));
    let request = if request.is_null() { Json::Object(Default::default()) } else { request };
    // A list would be taken for the fields in their order.
    if !request.is_object() {
        return Err(unfit("an object with named values is expected".into()));
    }
    let request = serde_json::from_value(request).map_err(|error| unfit(error.to_string()))?;
    serde_json::to_value(f(desk, request)?).map_err(|error| DeskError::new(Code::Failed, error.to_string()))
}

fn schema<T: JsonSchema>() -> Json {
    schemars::SchemaGenerator::default().into_root_schema_for::<T>().to_value()
}

fn types<Q: TS + 'static, A: TS + 'static>(types: &mut Types) -> (String, String) {
    (types.name::<Q>(), types.name::<A>())
}

macro_rules! commands {
    ($($name:literal $access:ident $writes:ident [$($reads:literal),*] $f:path : $q:ty => $a:ty, $summary:literal;)*) => {
        static ALL: &[Command] = &[$(Command {
            name: $name,
            summary: $summary,
            access: Access::$access,
            writes: commands!(@$writes),
            reads: &[$($reads),*],
            run: |desk, request| call::<$q, $a>(desk, request, $f),
            schemas: || (schema::<$q>(), schema::<$a>()),
            types: types::<$q, $a>,
        }),*];
    };
    (@reads) => { false };
    (@writes) => { true };
}

commands! {
    "app.status" Always reads ["vault"] app::status: app::Empty => app::AppStatus, "What the first screen needs: which vaults there are, whether one is open, how the keyring stands.";
    "app.commands" Always reads [] app::commands: app::Empty => Vec<app::CommandInfo>, "All commands with what they do.";
    "vault.passphrase_strength" Always reads [] vault::passphrase_strength: vault::PassphraseRequest => vault::Strength, "How hard a passphrase is to guess, with a hint.";
    "vault.create" Always reads [] vault::create: vault::CreateVault => vault::Created, "Makes a vault for one person on this computer and opens it.";
    "vault.confirm_recovery" Always reads [] vault::confirm_recovery: vault::CodeRequest => app::Done, "Proves that the recovery code is written down; only then are persons stored.";
    "vault.unlock" Always reads [] vault::unlock: vault::UnlockRequest => vault::Opened, "Opens a vault with its passphrase.";
    "vault.unlock_with_recovery" Always reads [] vault::unlock_with_recovery: vault::RecoverRequest => vault::Created, "Opens a vault with its recovery code, sets a new passphrase, and gives a new code.";
    "vault.lock" Always reads [] vault::lock: app::Empty => app::Done, "Closes the vault and forgets the keys.";
    "vault.change_passphrase" Unlocked reads [] vault::change_passphrase: vault::ChangeRequest => vault::Created, "Sets a new passphrase and renews all keys; gives a new recovery code.";
    "vault.accept_alarm" Unlocked reads [] vault::accept_alarm: app::Empty => app::Done, "Goes on with what is here after the vault was found older or other than it should be.";
    "vault.verify" Unlocked reads [] vault::verify: app::Empty => vault::VerifyReport, "Checks every entry, signature, page and record of the vault.";
    "vault.back_up" Unlocked reads [] vault::back_up: app::Empty => vault::BackupInfo, "Makes an encrypted backup and tests that it restores.";
    "vault.backups" Unlocked reads [] vault::backups: app::Empty => Vec<vault::BackupInfo>, "All backups, the newest first.";
    "vault.test_restore" Unlocked reads [] vault::test_restore: vault::BackupRequest => vault::VerifyReport, "Restores a backup into a scratch copy and checks everything in it.";
    "vault.backups_of" Always reads [] vault::backups_of: vault::VaultRequest => Vec<vault::BackupInfo>, "The backups of a vault that is locked or damaged.";
    "vault.restore" Always reads [] vault::restore: vault::RestoreRequest => app::Done, "Puts a backup in the place of a locked vault; what lay there is moved aside.";
    "vault.save_code" Always reads [] vault::save_code: vault::SaveCode => vault::SavedFile, "Writes a recovery code that was just shown into a file.";
    "vault.erase" Unlocked reads [] vault::erase: vault::EraseRequest => app::Done, "Removes the open vault with its backups from this computer, for good.";
    "session.touch" Always reads [] settings::touch: app::Empty => app::Done, "The person is there; postpones the automatic lock.";
    "settings.get" Unlocked reads ["user_preferences"] settings::get: app::Empty => settings::Settings, "Settings of this person.";
    "settings.set" Unlocked writes [] settings::set: settings::Settings => settings::Settings, "Keeps the settings of this person.";
    "jobs.progress" Always reads [] sample::progress: app::Empty => sample::JobProgress, "How far the running work is.";
    "jobs.cancel" Always reads [] sample::cancel: app::Empty => app::Done, "Asks the running work to stop; what is finished is kept.";
    "model.entities" Always reads [] model::entities: app::Empty => Vec<model::EntityInfo>, "Every kind of record with its fields, for lists and forms.";
    "records.list" Unlocked reads ["*"] records::list: records::ListRecords => records::ListAnswer, "Records of any kind: filtered, sorted, by page.";
    "records.get" Unlocked reads ["*"] records::get: records::RecordRequest => records::RecordView, "One record of any kind.";
    "records.history" Unlocked reads ["*"] records::history: records::RecordRequest => Vec<records::HistoryEntry>, "Who changed a record when, and what.";
    "records.create" Unlocked writes [] records::create: records::CreateRecord => records::RecordView, "Adds a record of any kind.";
    "records.update" Unlocked writes [] records::update: records::UpdateRecord => records::RecordView, "Changes fields of a record of any kind.";
    "records.enter_in_error" Unlocked writes [] records::enter_in_error: records::ErrorRequest => app::Done, "Marks a record, with its parts, as entered in error. Nothing is deleted.";
    "records.references" Unlocked reads ["*"] records::references: records::ReferenceRequest => Vec<records::Choice>, "Records that a field may refer to, found as you type.";
    "search.find" Unlocked reads ["*"] records::find: records::FindRecords => Vec<records::Hit>, "Full-text search over all records.";
    "people.find" Unlocked reads ["users", "user_profiles"] people::find: people::FindPeople => people::FindAnswer, "Persons by the beginnings of their names.";
    "people.similar" Unlocked reads ["users", "user_profiles"] people::similar: people::SimilarRequest => Vec<people::Similar>, "Persons who may be the same as one about to be registered.";
    "people.register" Unlocked writes [] people::register: people::RegisterRequest => people::Person, "Registers a person without a login.";
    "people.update" Unlocked writes [] people::update: people::UpdatePerson => people::Person, "Changes what is known about a person.";
    "team.of" Unlocked reads ["therapeutic_relationships", "beneficiaries", "grants", "users"] team::of: team::TeamRequest => team::Team, "Who looks after a person, and which colleagues could.";
    "team.add" Unlocked writes [] team::add: team::AddMember => team::Team, "Lets a colleague look after a person as well: the record goes to their laptop.";
    "team.end" Unlocked writes [] team::end: team::EndMember => app::Done, "Ends that a colleague looks after a person, with a reason: the record leaves their laptop.";
    "people.profile" Unlocked reads ["users", "user_profiles", "responses", "appointments", "crisis_detections"] people::profile: people::PersonRequest => people::Profile, "A person with everything that happened, the latest first.";
    "files.list" Unlocked reads ["attachments", "users"] files::list: files::ListFiles => Vec<files::FileInfo>, "Files of a person or a record, the latest first, with where each is.";
    "files.begin" Unlocked writes [] files_add::begin: files_add::BeginFile => files_add::FileTicket, "Begins a file that comes piece by piece.";
    "files.append" Unlocked writes [] files_add::append: files_add::AppendFile => files_add::FileCame, "Adds a piece to a file that was begun.";
    "files.give_up" Unlocked writes [] files_add::give_up: files_add::DropFile => app::Done, "Gives up a file that was begun; nothing of it stays.";
    "files.attach" Unlocked writes [] files_add::attach: files_add::AttachRequest => files::FileInfo, "Adds a file to a person or a record: content and record at once, or neither.";
    "files.get" Unlocked reads [] files::get: files::GetFile => files::FilePiece, "A piece of a file that is on this computer.";
    "files.save" Unlocked reads [] files::save: files::SaveFile => files::SavedCopy, "Saves a copy of a file into a folder, never over another one.";
    "files.remove" Unlocked writes [] files::remove: files::RemoveFile => app::Done, "Marks a file as entered in error, with a reason; it leaves the computers that need it no more.";
    "files.fetch" Unlocked writes [] files::fetch: files::FileRequest => files::FileInfo, "Fetches a file from the centre, or lets one go on that was stopped or failed.";
    "files.stop" Unlocked writes [] files::stop: files::FileRequest => files::FileInfo, "Stops a file on its way; what has arrived stays.";
    "questionnaires.list" Unlocked reads ["questionnaires", "questions"] questionnaires::list: questionnaires::ListQuestionnaires => Vec<questionnaires::QuestionnaireInfo>, "Questionnaires that can be administered.";
    "questionnaires.get" Unlocked reads ["questionnaires", "questions", "question_options"] questionnaires::get: questionnaires::QuestionnaireRequest => questionnaires::Form, "A questionnaire with its items, options, bands and licence.";
    "responses.start" Unlocked writes [] responses::start: responses::StartRequest => responses::Administration, "Starts a questionnaire with a person, or resumes the one already begun.";
    "responses.state" Unlocked reads ["responses", "answers"] responses::state: responses::ResponseRequest => responses::Administration, "A response with its items and answers, where it stands.";
    "responses.answer" Unlocked writes [] responses::answer: responses::AnswerRequest => responses::Saved, "Saves one answer and says whether it raised an alert.";
    "responses.decline" Unlocked writes [] responses::decline: responses::DeclineRequest => responses::Saved, "Notes that the person would rather not answer an item.";
    "responses.position" Unlocked writes [] responses::position: responses::PositionRequest => app::Done, "Notes which item is on the screen, to resume there.";
    "responses.complete" Unlocked writes [] responses::complete: responses::CompleteRequest => results::ResultView, "Finishes a response and scores it.";
    "responses.abandon" Unlocked writes [] responses::abandon: responses::AbandonRequest => app::Done, "Ends a response that will not be finished.";
    "responses.amend" Unlocked writes [] responses::amend: responses::AmendRequest => results::ResultView, "Corrects an answer of a finished response, with a reason, and scores it anew.";
    "responses.result" Unlocked reads ["responses", "answers", "crisis_detections", "crisis_escalations"] results::result: responses::ResponseRequest => results::ResultView, "Score, band, trace, change and trend of a finished response.";
    "responses.trend" Unlocked reads ["responses"] results::trend: results::TrendRequest => results::Trend, "All scores of a person on one questionnaire.";
    "alerts.list" Unlocked reads ["crisis_detections", "crisis_escalations"] alerts::list: alerts::ListAlerts => Vec<alerts::AlertInfo>, "Alerts, open ones first.";
    "alerts.get" Unlocked reads ["crisis_detections", "crisis_escalations"] alerts::get: alerts::AlertRequest => alerts::AlertInfo, "One alert with what was done.";
    "alerts.act" Unlocked writes [] alerts::act: alerts::ActRequest => alerts::AlertInfo, "Notes what was done about an alert; a note is required.";
    "calendar.week" Unlocked reads ["appointments", "beneficiaries", "users"] calendar::week: calendar::WeekRequest => calendar::Week, "A week of appointments, with whatever overlaps.";
    "calendar.book" Unlocked writes [] calendar::book: calendar::BookRequest => calendar::Appointment, "Books an appointment; enrols the person when that was not done yet.";
    "calendar.move" Unlocked writes [] calendar::shift: calendar::MoveRequest => calendar::Appointment, "Moves an appointment to another time.";
    "calendar.cancel" Unlocked writes [] calendar::cancel: calendar::CancelRequest => app::Done, "Cancels an appointment, with a reason; it stays visible.";
    "calendar.mark" Unlocked writes [] calendar::mark: calendar::MarkRequest => calendar::Appointment, "Notes that an appointment took place, or plans it again.";
    "calendar.overlaps" Unlocked reads ["appointments", "beneficiaries", "users"] calendar::overlaps: calendar::OverlapsRequest => calendar::Room, "What stands in the way of a time, and when there is room nearby.";
    "lease.status" Unlocked reads ["vault"] lease::status: app::Empty => lease::LeaseStatus, "How long this computer may work without contact, and for whom the glass is broken.";
    "lease.break_glass" Unlocked writes [] lease::break_glass: lease::BreakGlass => lease::LeaseStatus, "Lets one person's records be read for four hours although the time without contact is over; needs a reason and the passphrase.";
    "review.list" Unlocked reads ["*"] review::list: review::ListReview => review::Inbox, "What two people wrote without seeing each other, waiting for a decision.";
    "review.marks" Unlocked reads ["*"] review::marks: app::Empty => Vec<review::Mark>, "Every open case with the record that it is about, to mark that record wherever it is shown.";
    "review.get" Unlocked reads ["*"] review::get: review::ReviewRequest => review::Case, "Both values of one case, with who wrote them and when.";
    "review.decide" Unlocked writes [] review::decide: review::Decision => review::Case, "Decides which value counts: the one that stands, the other, or a third.";
    "review.undo" Unlocked writes [] review::undo: review::ReviewRequest => review::Case, "Takes a decision back: what stood before stands again, and the case is open.";
    "sync.status" Unlocked reads ["vault"] sync::status: app::Empty => sync::SyncStatus, "How synchronizing stands, what waits, and when the centre last answered.";
    "sync.join" Unlocked reads [] sync_join::join: sync_join::JoinRequest => sync::SyncStatus, "Joins a centre by invitation, with a vault that worked alone.";
    "sync.join_new" Always reads [] sync_join::join_new: sync_join::JoinNewRequest => vault::Created, "Makes a vault for an invitation, joins the centre with it and opens it.";
    "sync.read_picture" Always reads [] sync_picture::read: sync_picture::PictureRequest => sync_picture::PictureRead, "Finds the invitation in a picture of its QR code.";
    "sync.begin_as_new" Unlocked reads [] sync_join::begin_as_new: sync_join::JoinRequest => sync::SyncStatus, "Goes on as a computer of its own with a new invitation, when this one is a copy of another; what waits goes along.";
    "sync.now" Unlocked reads [] sync_now::now: sync_now::NowRequest => sync::SyncStatus, "Synchronizes with the centre at once.";
    "sync.pause" Unlocked reads [] sync_now::pause: app::Empty => sync::SyncStatus, "Holds synchronizing up until sync.resume, also over a restart; what is under way is cut off and nothing is lost.";
    "sync.resume" Unlocked reads [] sync_now::resume: app::Empty => sync::SyncStatus, "Lets synchronizing go on after sync.pause, where it was.";
    "sync.queue" Unlocked reads ["*"] sync_queue::queue: app::Empty => Vec<sync_queue::QueuedChange>, "Changes that wait, are held by the centre, or were put aside.";
    "sync.receipt" Unlocked reads ["*"] sync::receipt: sync::ReceiptRequest => sync::ReceiptView, "Where a record is saved: here, on its way, at the centre.";
    "sync.log" Unlocked reads ["vault"] sync::log: app::Empty => Vec<sync::SyncLine>, "What synchronizing did, the latest first.";
    "sync.resend" Unlocked writes [] sync_queue::resend: sync_queue::QueuedChangeRequest => app::Done, "Sends a change once more that the centre had put aside.";
    "sync.discard" Unlocked writes [] sync_queue::discard: sync_queue::DiscardRequest => app::Done, "Gives up a change that the centre put aside, with a reason; it stays in the history.";
    "sync.change" Unlocked reads ["*"] change::view: sync_queue::QueuedChangeRequest => change::ChangeDetail, "What a change writes, with what stands here now.";
    "sync.mend" Unlocked writes [] change::mend: change::MendRequest => app::Done, "Sends a change that the centre had put aside once more, with other values.";
    "sync.export" Unlocked reads [] change::export: change::ExportRequest => change::ExportedFile, "Writes a change into a file, to look at or to key in elsewhere.";
    "sync.departed" Unlocked reads ["vault"] sync::departed: app::Empty => Vec<sync::DepartedRecord>, "What left this computer, when and why.";
    "today.get" Unlocked reads ["*"] today::get: app::Empty => today::Today, "What today asks for: agenda, paused and due questionnaires, open alerts.";
    "sample.generate" Unlocked writes [] sample::generate: sample::GenerateRequest => sample::Generated, "Fills the vault with sample data of all five systems through the normal way to write.";
}
