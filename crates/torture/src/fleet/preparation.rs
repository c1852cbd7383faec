//! What a process of a fleet is started with: its address, its variables, the operations of pairs.

use super::process::StartOptions;
use anyhow::{Result, bail};
use std::{net::TcpListener, path::Path};

pub(super) fn service_options(
    name: &str,
    command: &str,
    variables: &[(String, String)],
) -> Result<StartOptions> {
    let address = free_address()?;
    let setting = match command {
        "gateway" => "CONSIGN_GATEWAY_LISTEN",
        _ => "CONSIGN_ADMIN_LISTEN",
    };
    let mut variables = variables.to_vec();
    variables.push((setting.to_owned(), address.clone()));
    Ok(StartOptions {
        name: name.to_owned(),
        arguments: vec![command.to_owned()],
        variables,
        health: address,
    })
}

/// Writes the operations of pairs where the processes look for them.
pub(super) fn write_catalog(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    Ok(std::fs::write(
        folder.join("torture.yaml"),
        crate::workload::CATALOG,
    )?)
}

pub(super) fn folders_variable(operations: &Path) -> (String, String) {
    let value = operations.display().to_string();
    ("CONSIGN_CATALOG_FOLDERS".to_owned(), value)
}

/// An address that is free now, and is taken again after each restart.
pub(super) fn free_address() -> Result<String> {
    for _ in 0..10 {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        if address.port() > 1_024 {
            return Ok(address.to_string());
        }
    }
    bail!("there is no free port")
}
