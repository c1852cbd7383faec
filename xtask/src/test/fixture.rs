//! The servers of a test run: their jars are fetched while the code is being built, then a fresh
//! trio is started on free ports. Servers named by the environment are used as they are and left
//! alone.

use std::{
    process::{Child, Command, Stdio},
    sync::Mutex,
};

use anyhow::{Context, Result};
use testbed::{PrivateOptions, Server, Servers};

pub(crate) struct Fixture {
    fetching: Option<Mutex<Child>>,
}

pub(crate) struct Started(Option<Servers>);

impl Fixture {
    pub(crate) fn prepare() -> Result<Self> {
        if given() {
            return Ok(Self { fetching: None });
        }
        let script = testbed::root().join("servers/servers");
        let child = Command::new("bash")
            .arg(script)
            .arg("fetch")
            .stdout(Stdio::null())
            .spawn()
            .context("cannot run bash")?;
        Ok(Self {
            fetching: Some(Mutex::new(child)),
        })
    }

    pub(crate) fn start(self) -> Result<Started> {
        let Some(fetching) = self.fetching else {
            println!("using the servers that the environment names");
            return Ok(Started(None));
        };
        fetching
            .into_inner()
            .context("the fetch panicked")?
            .wait()?;
        let servers = Servers::private(&PrivateOptions::default())?;
        println!("{:?}", servers.addresses());
        Ok(Started(Some(servers)))
    }
}

impl Started {
    /// What the tests are told.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let of = |servers: &Servers| {
            Server::TRIO
                .map(|s| (s.env(), servers.addresses().of(s).to_owned()))
                .to_vec()
        };
        self.0.as_ref().map(of).unwrap_or_default()
    }
}

fn given() -> bool {
    Server::TRIO
        .iter()
        .all(|s| std::env::var_os(s.env()).is_some_and(|v| !v.is_empty()))
}
