//! What each rule of the five seeds takes and what it refuses, as tables: values of one field, what no two rows
//! may share, closed choices, and what the laptop does not refuse.

use serde_json::{Value as Json, json};
use uuid::Uuid;

/// The row under test, another one, and questions of some types.
pub const ROW: Uuid = Uuid::from_u128(1);
pub const OTHER: Uuid = Uuid::from_u128(2);
pub const SCALE: Uuid = Uuid::from_u128(11);
pub const AMOUNT: Uuid = Uuid::from_u128(12);
pub const YES_OR_NO: Uuid = Uuid::from_u128(13);
pub const TEXT: Uuid = Uuid::from_u128(14);

/// Seed id and table of what the laptop does not refuse, with the reason.
pub const NOT_ENFORCED_ON_LAPTOP: [(&str, &str, &str); 7] = [
    ("planner360:feedback_forms.form_type", "questionnaires", "The seed names the default alone, and the column also keeps the free type of another system: the list is open."),
    ("diagnoleads:ErrorLog.error_type", "error_logs", "The list of the seed ends with “and so on”: other values are allowed."),
    ("diagnoleads:ErrorLog.method", "error_logs", "The list of the seed ends with “and so on”: other values are allowed."),
    ("diagnoleads:AuditLog.entity_type", "audit_logs", "The column also keeps the table names of another system, so that every kind of record can be logged: the list is open."),
    ("diagnoleads:AuditLog.action", "audit_logs", "Reads and sign-ins are logged too, as another system asks: the list is open."),
    ("diagnoleads:AIUsageLog.operation", "ai_usage_logs", "The seed describes the operations of its time; an entry about a later one must not be lost: the list is open."),
    ("diagnoleads:AIUsageLog.model", "ai_usage_logs", "The seed gives one model as an example: the list is open."),
];

/// A row that passes, and the change of one field that is refused.
pub struct Case {
    pub id: &'static str,
    pub kind: &'static str,
    pub entity: &'static str,
    pub good: Json,
    pub bad: Json,
    pub at: &'static str,
    pub says: [&'static str; 2],
}

fn validation(id: &'static str, entity: &'static str, good: Json, bad: Json, at: &'static str, says: [&'static str; 2]) -> Case {
    Case { id, kind: "validation", entity, good, bad, at, says }
}

fn constraint(id: &'static str, entity: &'static str, good: Json, bad: Json, at: &'static str, says: [&'static str; 2]) -> Case {
    Case { kind: "check", ..validation(id, entity, good, bad, at, says) }
}

/// One line or more for each rule; the last column is what the message says about rule and remedy.
pub fn cases() -> Vec<Case> {
    let [one, other] = [ROW, OTHER].map(|id| id.to_string());
    let [scale, amount, yes_or_no, text] = [SCALE, AMOUNT, YES_OR_NO, TEXT].map(|id| id.to_string());
    vec![
        validation("mindtrack:185", "users", json!({ "email": "amara@example.org" }), json!({ "email": "amara at example" }), "email", ["well-formed e-mail", "write one"]),
        validation("mindtrack:187", "users", json!({ "username": "amara_1" }), json!({ "username": "amara osei!" }), "username", ["letters, digits and underscores", "use only those"]),
        validation("mindtrack:188", "users", json!({ "phone_number": "+44 20 7946 0018" }), json!({ "phone_number": "call me" }), "phone_number", ["telephone number", "write one of 3 to 15 digits"]),
        validation("mindtrack:191", "user_profiles", json!({ "date_of_birth": "1980-02-29" }), json!({ "date_of_birth": "2026-11-21" }), "date_of_birth", ["in the past", "Correct"]),
        validation("mindtrack:192", "user_profiles", json!({ "country": "United Kingdom", "postal_code": "SW1A 1AA" }), json!({ "postal_code": "10115" }), "postal_code", ["form that its country uses", "Write a postcode"]),
        validation("mindtrack:192", "user_profiles", json!({ "country": "Germany", "postal_code": "10115" }), json!({ "postal_code": "1011" }), "postal_code", ["form that its country uses", "Write five digits"]),
        validation("mindtrack:526", "questionnaires", json!({ "estimated_minutes": 1 }), json!({ "estimated_minutes": 0 }), "estimated_minutes", ["1 or more", "enter a greater number"]),
        validation("mindtrack:527", "questionnaires", json!({ "requires_auth": true, "allow_anonymous": false }), json!({ "allow_anonymous": true }), "allow_anonymous", ["requires a sign-in", "Switch one of the two off"]),
        validation("mindtrack:528", "questionnaires", json!({ "is_template": true, "is_public": true }), json!({ "is_public": false }), "is_public", ["template must be public", "Make it public"]),
        validation("mindtrack:532", "questions", json!({ "id": one, "type": "single_choice" }), json!({ "id": other }), "type", ["needs options", "Add at least one option"]),
        validation("mindtrack:532", "questions", json!({ "id": one, "type": "multiple_choice" }), json!({ "id": other }), "type", ["needs options", "Add at least one option"]),
        validation("mindtrack:533", "questions", json!({ "is_scored": true, "max_score": "3" }), json!({ "max_score": "0" }), "max_score", ["above 0", "Enter one"]),
        validation("mindtrack:817", "responses", json!({ "completed_at": "2026-11-20T10:00:00Z", "completion_time_seconds": 240 }), json!({ "completion_time_seconds": null }), "completion_time_seconds", ["is needed", "Enter how many seconds"]),
        validation("mindtrack:818", "responses", json!({ "score": "12", "risk_level": "medium" }), json!({ "risk_level": null }), "risk_level", ["is needed", "fill it in"]),
        validation("mindtrack:819", "responses", json!({ "respondent_email": "kofi@example.org" }), json!({ "respondent_email": "kofi@" }), "respondent_email", ["well-formed e-mail", "write one"]),
        validation("mindtrack:823", "answers", json!({ "question_id": scale, "value": 3 }), json!({ "value": 4 }), "value", ["form that the type of its question asks for", "Enter the answer"]),
        validation("mindtrack:823", "answers", json!({ "question_id": amount, "value": 7.5 }), json!({ "value": "seven" }), "value", ["form that the type of its question asks for", "number"]),
        validation("mindtrack:823", "answers", json!({ "question_id": yes_or_no, "value": false }), json!({ "value": "no" }), "value", ["form that the type of its question asks for", "true_false"]),
        validation("mindtrack:823", "answers", json!({ "question_id": text, "value": "I sleep badly." }), json!({ "value": ["I sleep badly."] }), "value", ["form that the type of its question asks for", "text"]),
        validation("mindtrack:824", "answers", json!({ "question_id": scale, "score": "3" }), json!({ "score": "3.5" }), "score", ["between 0 and the greatest score", "Enter a score in that range"]),
        validation("mindtrack:824", "answers", json!({ "question_id": amount, "score": "0" }), json!({ "score": "-1" }), "score", ["between 0 and the greatest score", "Enter a score in that range"]),
        validation("mindtrack:827", "ai_analyses", json!({ "is_reviewed": true, "reviewed_by": other, "reviewed_at": "2026-11-20T10:00:00Z" }), json!({ "reviewed_by": null }), "reviewed_by", ["is needed", "Name the person"]),
        validation("mindtrack:827", "ai_analyses", json!({ "is_reviewed": true, "reviewed_by": other, "reviewed_at": "2026-11-20T10:00:00Z" }), json!({ "reviewed_at": null }), "reviewed_at", ["is needed", "Enter when"]),
        validation("mindtrack:828", "ai_analyses", json!({ "sentiment_scores": { "positive": 0.61, "negative": 0.1, "neutral": 0.3 } }), json!({ "sentiment_scores": { "positive": 0.61, "negative": 0.5, "neutral": 0.3 } }), "sentiment_scores", ["add up to about 1", "Correct them"]),
        validation("mindtrack:828", "ai_analyses", json!({ "sentiment_scores": {} }), json!({ "sentiment_scores": { "positive": 1.5, "negative": -0.5 } }), "sentiment_scores", ["numbers from 0", "Correct them"]),
        validation("mindtrack:828", "ai_analyses", json!({ "sentiment_scores": { "positive": 1e-7, "neutral": 1 } }), json!({ "sentiment_scores": { "positive": 7e28, "neutral": 7e28 } }), "sentiment_scores", ["add up to about 1", "Correct them"]),
        validation("mindtrack:1080", "organizations", json!({ "contact_email": "desk@example.org" }), json!({ "contact_email": "desk.example.org" }), "contact_email", ["well-formed e-mail", "write one"]),
        validation("mindtrack:1081", "organizations", json!({ "website": "https://www.example.org/care" }), json!({ "website": "/care" }), "website", ["web address", "write one"]),
        validation("mindtrack:1089", "organization_questionnaires", json!({ "is_private": true, "access_restrictions": { "roles": ["staff"] } }), json!({ "access_restrictions": {} }), "access_restrictions", ["are needed", "Say who may open it"]),
        validation("mindtrack:1348", "emails", json!({ "to_email": "kofi@example.org" }), json!({ "to_email": "kofi" }), "to_email", ["well-formed e-mail", "write one"]),
        validation("mindtrack:1349", "emails", json!({ "from_email": "desk@example.org" }), json!({ "from_email": "@example.org" }), "from_email", ["well-formed e-mail", "write one"]),
        validation("mindtrack:1350", "emails", json!({ "status": "sent", "sent_at": "2026-11-20T10:00:00Z" }), json!({ "sent_at": null }), "sent_at", ["is needed", "Enter when it was sent"]),
        validation("mindtrack:1351", "emails", json!({ "status": "scheduled", "scheduled_for": "2026-12-01T08:00:00Z" }), json!({ "scheduled_for": null }), "scheduled_for", ["is needed", "Enter when it is to be sent"]),
        validation("mindtrack:1356", "email_templates", json!({ "html_content": "<p>Dear <b>Amara</b>,<br></p>" }), json!({ "html_content": "<p>Dear <b>Amara</p>" }), "html_content", ["valid HTML", "close every element"]),
        validation("mindtrack:1859", "user_metrics", json!({ "average_score": "100", "total_score": "100", "responses_submitted": 1 }), json!({ "average_score": "101", "total_score": "101" }), "average_score", ["between 0 and 100", "enter a number in that range"]),
        validation("mindtrack:1859", "organization_metrics", json!({ "average_response_score": "0" }), json!({ "average_response_score": "-0.5" }), "average_response_score", ["between 0 and 100", "enter a number in that range"]),
        validation("mindtrack:1859", "questionnaire_metrics", json!({ "average_score": "55.25" }), json!({ "average_score": "150" }), "average_score", ["between 0 and 100", "enter a number in that range"]),
        validation("mindtrack:1860", "questionnaire_metrics", json!({ "completion_rate": "100" }), json!({ "completion_rate": "100.5" }), "completion_rate", ["between 0 and 100", "enter a number in that range"]),
        validation("mindtrack:1861", "user_metrics", json!({ "total_score": "200", "average_score": "66.67", "responses_submitted": 4 }), json!({ "average_score": "70" }), "average_score", ["total score divided by", "Compute it anew"]),
        validation("mindtrack:1861", "user_metrics", json!({ "total_score": "200", "average_score": "50", "responses_submitted": 4 }), json!({ "average_score": "40" }), "average_score", ["total score divided by", "Compute it anew"]),
        validation("mindtrack:1864", "reports", json!({ "type": "questionnaire", "questionnaire_id": other }), json!({ "questionnaire_id": null }), "questionnaire_id", ["is needed", "Choose one"]),
        validation("mindtrack:1865", "reports", json!({ "type": "organization", "organization_id": other }), json!({ "organization_id": null }), "organization_id", ["is needed", "Choose one"]),
        validation("mindtrack:1866", "reports", json!({ "date_range_start": "2026-01-01T00:00:00Z", "date_range_end": "2026-02-01T00:00:00Z" }), json!({ "date_range_end": "2026-01-01T00:00:00Z" }), "date_range_end", ["after the start", "Enter a later end"]),
        validation("mindtrack:1869", "charts", json!({ "type": "doughnut" }), json!({ "type": "spiral" }), "type", ["not on the list", "choose one of"]),
        validation("mindtrack:1870", "charts", json!({ "data_source": "user_activity" }), json!({ "data_source": "stock_prices" }), "data_source", ["name of a kind of record", "Enter one"]),
        validation("mindtrack:1871", "charts", json!({ "data_query": { "group_by": "day", "measure": "count" } }), json!({ "data_query": "group by day" }), "data_query", ["valid JSON", "Correct the query"]),
        constraint("happy-path:108", "mood_entries", json!({ "overall_mood": 10 }), json!({ "overall_mood": 11 }), "overall_mood", ["between 1 and 10", "enter a number in that range"]),
        validation("happy-path:109", "mood_entries", json!({ "energy_level": 1, "anxiety_level": 10, "stress_level": 5 }), json!({ "stress_level": 0 }), "stress_level", ["between 1 and 10", "enter a number in that range"]),
        validation("happy-path:110", "mood_entries", json!({ "sleep_hours": "7.5" }), json!({ "sleep_hours": "24.5" }), "sleep_hours", ["between 0 and 24", "enter a number in that range"]),
        validation("happy-path:159", "journal_entries", json!({ "mood_before": 3, "mood_after": 6 }), json!({ "mood_after": 0 }), "mood_after", ["between 1 and 10", "enter a number in that range"]),
        validation("happy-path:160", "journal_entries", json!({ "cbt_technique": "thought_challenging" }), json!({ "cbt_technique": "a".repeat(51) }), "cbt_technique", ["50 are allowed", "shorten it"]),
        validation("happy-path:162", "journal_entries", json!({ "content": "<p>Slept <b>well</b>.</p>\n\n* walked" }), json!({ "content": " " }), "content", ["is needed", "fill it in"]),
        validation("happy-path:203", "crisis_detections", json!({ "content_source": "journal_entry" }), json!({ "content_source": null }), "content_source", ["is needed", "fill it in"]),
        validation("happy-path:204", "crisis_detections", json!({ "crisis_score": "0.8125" }), json!({ "crisis_score": "1.2" }), "crisis_score", ["between 0 and 1", "enter a number in that range"]),
        validation("happy-path:205", "crisis_detections", json!({ "detected_keywords": ["hopeless"] }), json!({ "detected_keywords": "hopeless" }), "detected_keywords", ["list of words", "Enter them as a list"]),
        validation("happy-path:254", "chat_messages", json!({ "context": { "topic": "sleep" } }), json!({ "context": "sleep" }), "context", ["named values", "Correct it"]),
        validation("happy-path:255", "chat_sessions", json!({ "session_mood": 1 }), json!({ "session_mood": 12 }), "session_mood", ["between 1 and 10", "enter a number in that range"]),
        validation("happy-path:256", "chat_sessions", json!({ "session_goal": "Sleep through the night" }), json!({ "session_goal": "a".repeat(1_000_001) }), "session_goal", ["1000000 are allowed", "shorten it"]),
        validation("happy-path:298", "therapeutic_relationships", json!({ "relationship_type": "cbt" }), json!({ "relationship_type": "" }), "relationship_type", ["is needed", "fill it in"]),
        validation("happy-path:299", "therapeutic_relationships", json!({ "status": "paused" }), json!({ "status": "vanished" }), "status", ["not on the list", "choose one of"]),
        validation("happy-path:299", "therapeutic_relationships", json!({ "start_date": "2026-01-05", "end_date": "2026-01-05" }), json!({ "end_date": "2026-01-04" }), "end_date", ["cannot end before", "Enter a later end date"]),
        validation("happy-path:301", "treatment_plans", json!({ "milestones": [{ "title": "Leaves the house alone" }] }), json!({ "milestones": { "title": "Leaves the house alone" } }), "milestones", ["list of milestones", "Enter them as a list"]),
        constraint("bdc:446", "users", json!({ "role": "trainer" }), json!({ "role": "trainee" }), "role", ["not on the list", "choose one of"]),
        constraint("bdc:447", "beneficiaries", json!({ "status": "completed" }), json!({ "status": "done" }), "status", ["not on the list", "choose one of"]),
        constraint("bdc:447", "questionnaire_assignments", json!({ "status": "in_progress" }), json!({ "status": "done" }), "status", ["not on the list", "choose one of"]),
        constraint("bdc:447", "appointments", json!({ "status": "cancelled" }), json!({ "status": "done" }), "status", ["not on the list", "choose one of"]),
        constraint("bdc:448", "responses", json!({ "percentage": "100" }), json!({ "percentage": "100.01" }), "percentage", ["between 0 and 100", "enter a number in that range"]),
        constraint("bdc:449", "questions", json!({ "max_score": "0" }), json!({ "max_score": "-1" }), "max_score", ["0 or more", "enter a greater number"]),
        validation("diagnoleads:164", "leads", json!({ "lead_score": 100 }), json!({ "lead_score": 101 }), "lead_score", ["between 0 and 100", "enter a number in that range"]),
        constraint("diagnoleads:603", "leads", json!({ "lead_score": 0 }), json!({ "lead_score": -1 }), "lead_score", ["between 0 and 100", "enter a number in that range"]),
        validation("diagnoleads:235", "topics", json!({ "color": "#1F5B4E" }), json!({ "color": "1F5B4E" }), "color", ["colour code", "write one as #RRGGBB"]),
        validation("diagnoleads:236", "topics", json!({ "icon": "clipboard-list" }), json!({ "icon": "clipboard list!" }), "icon", ["Lucide icon", "write one"]),
        validation("diagnoleads:257", "industries", json!({ "color": "#1f5b4e" }), json!({ "color": "#1f5" }), "color", ["colour code", "write one as #RRGGBB"]),
        validation("diagnoleads:258", "industries", json!({ "icon": "Building2" }), json!({ "icon": "2-buildings" }), "icon", ["Lucide icon", "write one"]),
        validation("diagnoleads:276", "google_analytics_integrations", json!({ "measurement_id": "G-A1B2C3D4E5" }), json!({ "measurement_id": "UA-12345-1" }), "measurement_id", ["GA4 measurement id", "write G- and ten"]),
        validation("diagnoleads:295", "error_logs", json!({ "organization_id": null }), json!({ "organization_id": Uuid::nil() }), "organization_id", ["no organization with this id", "Choose one"]),
        validation("diagnoleads:336", "audit_logs", json!({ "action": "DELETE", "old_values": { "name": "Sleep" } }), json!({ "action": "CREATE" }), "old_values", ["UPDATE", "Remove them"]),
        validation("diagnoleads:337", "audit_logs", json!({ "action": "CREATE", "new_values": { "name": "Sleep" } }), json!({ "action": "DELETE" }), "new_values", ["CREATE", "Remove them"]),
        validation("diagnoleads:358", "ai_usage_logs", json!({ "input_tokens": 1200, "output_tokens": 300, "total_tokens": 1500 }), json!({ "total_tokens": 1200 }), "total_tokens", ["input tokens plus the output tokens", "Correct"]),
        validation("diagnoleads:367", "ai_usage_logs", json!({ "model": "claude-3-5-sonnet-20241022", "input_tokens": 2000, "output_tokens": 1000, "total_tokens": 3000, "cost_usd": "0.021" }), json!({ "cost_usd": "0.03" }), "cost_usd", ["0.003 USD for 1,000 input tokens", "Compute it anew"]),
        validation("diagnoleads:392", "reports", json!({ "config": { "metrics": ["leads_total"], "filters": { "date_range": { "start": "2026-01-01", "end": "2026-02-01" }, "status": ["new"] }, "group_by": "status", "visualization": "bar_chart", "sort_by": "leads_total", "sort_order": "desc" } }), json!({ "config": { "metrics": "leads_total" } }), "config", ["must be an object with metrics", "must be a list of texts"]),
        validation("diagnoleads:392", "reports", json!({ "config": { "sort_order": "asc" } }), json!({ "config": { "sort_order": "upwards" } }), "config", ["each in its own form", "must be asc or desc"]),
        constraint("diagnoleads:604", "questions", json!({ "position": 0 }), json!({ "position": -1 }), "position", ["0 or more", "enter a greater number"]),
        constraint("diagnoleads:605", "question_options", json!({ "position": 0 }), json!({ "position": -1 }), "position", ["0 or more", "enter a greater number"]),
        constraint("diagnoleads:606", "responses", json!({ "score": "0" }), json!({ "score": "-0.5" }), "score", ["0 or more", "enter a greater number"]),
    ]
}

/// What no two rows may share; where only some rows count, the field of that condition stands last.
pub const UNIQUES: [(&str, &str, &[&str]); 33] = [
    ("mindtrack:46", "users", &["email"]),
    ("mindtrack:185", "users", &["email"]),
    ("mindtrack:187", "users", &["username"]),
    ("mindtrack:525", "questionnaires", &["organization_id", "title", "version"]),
    ("mindtrack:531", "questions", &["questionnaire_id", "position"]),
    ("mindtrack:822", "answers", &["response_id", "question_id"]),
    ("mindtrack:895", "organization_members", &["organization_id", "user_id"]),
    ("mindtrack:933", "organization_questionnaires", &["organization_id", "questionnaire_id"]),
    ("mindtrack:1079", "organizations", &["name"]),
    ("mindtrack:1084", "organization_members", &["organization_id", "user_id"]),
    ("mindtrack:1085", "organization_members", &["organization_id", "role"]),
    ("mindtrack:1088", "organization_questionnaires", &["organization_id", "questionnaire_id"]),
    ("mindtrack:1165", "email_templates", &["organization_id", "category", "is_default"]),
    ("mindtrack:1354", "email_templates", &["organization_id", "name"]),
    ("mindtrack:1355", "email_templates", &["organization_id", "category", "is_default"]),
    ("mindtrack:1570", "dashboard_reports", &["dashboard_id", "report_id"]),
    ("happy-path:46", "users", &["email"]),
    ("happy-path:111", "mood_entries", &["user_id", "entry_date"]),
    ("bdc:452", "users", &["email"]),
    ("bdc:453", "organizations", &["slug"]),
    ("bdc:454", "settings", &["key"]),
    ("bdc:455", "user_sessions", &["token_hash"]),
    ("planner360:59", "users", &["email"]),
    ("planner360:80", "organizations", &["domain"]),
    ("diagnoleads:242", "topics", &["organization_id", "name"]),
    ("diagnoleads:264", "industries", &["organization_id", "name"]),
    ("diagnoleads:270", "google_analytics_integrations", &["organization_id"]),
    ("diagnoleads:579", "organizations", &["slug"]),
    ("diagnoleads:580", "users", &["email"]),
    ("diagnoleads:581", "qr_codes", &["code"]),
    ("diagnoleads:582", "topics", &["organization_id", "name"]),
    ("diagnoleads:583", "industries", &["organization_id", "name"]),
    ("diagnoleads:584", "google_analytics_integrations", &["organization_id"]),
];

/// A closed list of a seed: every value of it is taken, others are refused.
pub const CHOICES: [(&str, &str, &str, &[&str]); 37] = [
    ("mindtrack:User.role", "users", "role", &["admin", "staff", "user"]),
    ("mindtrack:Questionnaire.type", "questionnaires", "type", &["standard", "assessment", "screening", "feedback", "survey", "clinical", "research", "educational", "other"]),
    ("mindtrack:Question.type", "questions", "type", &["text", "textarea", "number", "single_choice", "multiple_choice", "scale", "date", "time", "file"]),
    ("mindtrack:ScoringConfig.scoring_method", "scoring_configs", "scoring_method", &["sum", "average", "weighted_sum", "weighted_average", "formula", "conditional", "custom"]),
    ("mindtrack:Response.risk_level", "responses", "risk_level", &["low", "medium", "high", "unknown"]),
    ("mindtrack:AIAnalysis.risk_level", "ai_analyses", "risk_level", &["low", "medium", "high", "unknown"]),
    ("mindtrack:Organization.type", "organizations", "type", &["healthcare", "research", "education", "corporate", "nonprofit", "government", "other"]),
    ("mindtrack:OrganizationMember.role", "organization_members", "role", &["owner", "admin", "member", "guest"]),
    ("mindtrack:Email.status", "emails", "status", &["draft", "sent", "failed", "scheduled"]),
    ("mindtrack:EmailTemplate.category", "email_templates", "category", &["general", "welcome", "password_reset", "verification", "response", "analysis", "notification", "reminder"]),
    ("mindtrack:Report.type", "reports", "type", &["questionnaire", "response", "user", "organization", "custom"]),
    ("mindtrack:Chart.type", "charts", "type", &["bar", "line", "pie", "doughnut", "radar", "scatter", "bubble", "area", "heatmap"]),
    ("happy-path:users.role", "users", "role", &["patient", "therapist", "admin", "system"]),
    ("happy-path:users.account_status", "users", "account_status", &["pending_verification"]),
    ("happy-path:journal_entries.privacy_level", "journal_entries", "privacy_level", &["private"]),
    ("happy-path:therapeutic_relationships.status", "therapeutic_relationships", "status", &["active"]),
    ("bdc:users.role", "users", "role", &["super_admin", "admin", "trainer", "student"]),
    ("bdc:beneficiaries.status", "beneficiaries", "status", &["active", "inactive", "completed"]),
    ("bdc:assessments.status", "questionnaire_assignments", "status", &["draft", "published", "in_progress", "completed"]),
    ("bdc:questions.type", "questions", "type", &["multiple_choice", "true_false", "short_answer", "essay"]),
    ("bdc:appointments.status", "appointments", "status", &["scheduled", "completed", "cancelled"]),
    ("bdc:document_shares.permission", "document_shares", "permission", &["view", "edit"]),
    ("planner360:learning_plans.status", "learning_plans", "status", &["active"]),
    ("planner360:learning_objectives.status", "learning_objectives", "status", &["completed"]),
    ("diagnoleads:Tenant.plan", "organizations", "plan", &["starter", "growth", "enterprise"]),
    ("diagnoleads:User.role", "users", "role", &["admin", "manager", "user", "viewer"]),
    ("diagnoleads:Assessment.status", "questionnaires", "status", &["draft", "published", "archived"]),
    ("diagnoleads:Assessment.scoring_type", "scoring_configs", "scoring_type", &["point_based", "percentage"]),
    ("diagnoleads:Question.type", "questions", "type", &["single_choice", "multiple_choice", "text", "slider"]),
    ("diagnoleads:Response.status", "responses", "status", &["in_progress", "completed", "abandoned"]),
    ("diagnoleads:Lead.status", "leads", "status", &["new", "contacted", "qualified", "customer", "lost"]),
    ("diagnoleads:QRCode.status", "qr_codes", "status", &["active", "inactive", "expired"]),
    ("diagnoleads:Integration.service_type", "integrations", "service_type", &["salesforce", "hubspot", "slack", "webhook"]),
    ("diagnoleads:ErrorLog.severity", "error_logs", "severity", &["LOW", "MEDIUM", "HIGH", "CRITICAL"]),
    ("diagnoleads:ErrorLog.environment", "error_logs", "environment", &["development", "staging", "production", "test", "cicd"]),
    ("diagnoleads:AIUsageLog.success", "ai_usage_logs", "outcome", &["success", "failure"]),
    ("diagnoleads:Report.report_type", "reports", "type", &["custom", "lead_analysis", "assessment_performance", "conversion_funnel", "ai_insights"]),
];
