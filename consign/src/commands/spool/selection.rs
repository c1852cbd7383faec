//! Which spools a command looks at, and how: one that a process writes is looked at as what it is at
//! this moment. Must never change a spool that another process writes.

use crate::{failure::Failure, settings::Settings, spools};
use ::spool::{
    FolderSite, SpoolMedium, SpoolSite,
    medium::{FoundAt, FoundRecords, SpooledRecord},
};
use clap::Args;
use std::{path::PathBuf, sync::Arc};

/// The spools that a command is about.
#[derive(Clone, Debug, Args)]
pub struct SpoolSelection {
    /// One spool's folder, or one with many [default: `spool.folder` of the settings]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// A place with many in an object store or in Cassandra [default: `spool.location` of the settings]
    #[arg(long, value_name = "LOCATION", conflicts_with = "folder")]
    location: Option<String>,
}

/// A spool, or what it was a moment ago.
pub struct FoundSpool {
    pub name: String,
    pub medium: Arc<dyn SpoolMedium>,
    /// Does a process write it?
    pub is_held: bool,
}

impl SpoolSelection {
    pub fn site(&self, settings: &Settings) -> Result<Arc<dyn SpoolSite>, Failure> {
        if let Some(root) = &self.folder {
            return Ok(Arc::new(FolderSite::new(root.clone())));
        }
        if let Some(location) = &self.location {
            return spools::site_at(location, settings);
        }
        spools::site(settings)?.ok_or_else(|| {
            Failure::usage("no folder or location is named, and neither is set").hint(
                "--folder FOLDER, or --set spool.folder=FOLDER; --location s3://BUCKET/PREFIX or cassandra://FOLDER",
            )
        })
    }
}

impl FoundSpool {
    /// Opens a spool, or a copy of one that a process writes. `topics`: those that its records must
    /// have been made for, if that matters.
    pub async fn open(
        site: &dyn SpoolSite,
        name: &str,
        topics: Option<&str>,
    ) -> Result<Self, Failure> {
        let seen = site.look_at(name, topics).await?;
        Ok(Self {
            name: name.to_owned(),
            medium: seen.medium,
            is_held: seen.is_held,
        })
    }

    pub fn found(&self) -> &FoundRecords {
        self.medium.found()
    }

    /// Records from a number on; none: there are no more.
    pub async fn read(&self, from: u64) -> Result<Vec<SpooledRecord>, Failure> {
        Ok(match self.medium.read(from, 256).await? {
            FoundAt::Records(records) => records,
            // It was emptied meanwhile.
            FoundAt::Shipped(_) => Vec::new(),
        })
    }
}
