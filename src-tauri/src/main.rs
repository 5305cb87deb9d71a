//! The window: one webview over the desk. Holds no rules; every ability is a command of the list.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
// A console window behind the app helps nobody on Windows.
#![cfg_attr(all(not(debug_assertions), windows), windows_subsystem = "windows")]

mod auto_lock;
mod computer;
mod ipc;

use std::{path::PathBuf, sync::Arc};

use gladstone_desk::{Desk, Event, cli};
use tauri::{Emitter, Manager, WebviewUrl, WebviewWindowBuilder};

/// Rows are made by several threads and given back by another one; the usual allocator lets them wait for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let vaults = std::env::var_os("GLADSTONE_VAULTS").map_or_else(cli::default_vaults, PathBuf::from);
    let keyring = std::env::var_os("GLADSTONE_NO_KEYRING").is_none();
    tauri::Builder::default()
        .invoke_handler(tauri::generate_handler![ipc::rpc])
        .setup(move |app| {
            let handle = app.handle().clone();
            let listener = Arc::new(move |event: Event| {
                // The window may be gone while the vault is being closed; then nobody listens.
                let _ = handle.emit_to("main", "desk", event);
            });
            let desk = Arc::new(cli::desk(vaults, keyring, listener));
            app.manage(Arc::clone(&desk));
            computer::watch(&desk);
            auto_lock::watch(desk);
            WebviewWindowBuilder::new(app, "main", WebviewUrl::default())
                .title("Gladstone")
                .inner_size(1280.0, 860.0)
                .min_inner_size(900.0, 620.0)
                // Files are dropped onto the page, which hands over their content; paths stay out of it.
                .disable_drag_drop_handler()
                .on_navigation(|url| url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost"))
                .build()?;
            Ok(())
        })
        .build(tauri::generate_context!())?
        .run(|app, event| {
            if let tauri::RunEvent::Exit = event {
                // Closing folds the log into the file; what was saved is safe either way.
                let _ = app.state::<Arc<Desk>>().lock();
            }
        });
    Ok(())
}
