//! The one command of the window: a name of the command list and its request.

use std::sync::Arc;

use gladstone_desk::{Code, Desk, DeskError};
use serde_json::Value;

/// Runs a command away from the window's thread, so that nothing the vault does can freeze it.
#[tauri::command]
pub async fn rpc(desk: tauri::State<'_, Arc<Desk>>, name: String, request: Value) -> Result<Value, DeskError> {
    let desk = Arc::clone(&desk);
    let work = tauri::async_runtime::spawn_blocking(move || desk.run(&name, request));
    work.await.unwrap_or_else(|_| Err(DeskError::new(Code::Failed, "The command stopped unexpectedly. What was saved before is safe.")))
}
