//! Gathers the declarations in `entities/` into one JSON text that the crate embeds.
//! A declaration that is not valid TOML stops the build here.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=entities");
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("entities");
    let mut entities = Vec::new();
    for group in sorted(&root)? {
        println!("cargo:rerun-if-changed={}", group.display());
        let group_name = group.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for file in sorted(&group)? {
            println!("cargo:rerun-if-changed={}", file.display());
            let text = fs::read_to_string(&file)?;
            let mut entity: serde_json::Value =
                toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
            entity["group"] = group_name.clone().into();
            entities.push(entity);
        }
    }
    entities.sort_by_key(|entity| entity["no"].as_u64());
    let out = Path::new(&env::var("OUT_DIR")?).join("entities.json");
    fs::write(out, serde_json::to_vec(&entities)?)?;
    Ok(())
}

fn sorted(folder: &Path) -> Result<Vec<std::path::PathBuf>, Box<dyn Error>> {
    let mut paths: Vec<_> = fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}
