//! The commands of `docs/tutorial.md`, all of them, in their order, on an own `consign dev`.

use crate::pipeline::Pipeline;
use std::{fs, path::Path, process::Command};

/// Every block of commands, whole: variables live as long as a block.
fn blocks(page: &str) -> Vec<String> {
    let parts = page.split("```sh\n").skip(1);
    parts
        .filter_map(|part| part.split("```").next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_of_the_tutorial_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/tutorial.md")).expect("the page");
    let blocks = blocks(&page);
    assert!(blocks.len() >= 5);
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join("own");
    fs::create_dir_all(folder.path().join("shop")).expect("a folder");
    let shop = fs::read(root.join("examples/shop/shop.yaml")).expect("the shop");
    fs::write(folder.path().join("shop/shop.yaml"), shop).expect("a copy");
    fs::create_dir(&own).expect("a folder");
    let settings = "[catalog]\nfolders = [\"shop\"]\n";
    fs::write(folder.path().join("consign.toml"), settings).expect("settings");
    let pipeline = Pipeline::start(folder.path());
    let bin = Path::new(env!("CARGO_BIN_EXE_consign"))
        .parent()
        .expect("its folder");
    let path = std::env::var("PATH").unwrap_or_default();
    for block in blocks {
        let output = Command::new("sh")
            .args(["-e", "-c", &block])
            .current_dir(&own)
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("SHOP", &pipeline.url)
            .env("EXAMPLES", root.join("examples"))
            .env_remove("CONSIGN_CONFIG")
            .output()
            .expect("a shell");
        assert!(
            output.status.success(),
            "{block}\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
