//! Where spools are, as the settings name it: `s3://bucket/prefix` or `az://container/prefix`.
//! Credentials, region and endpoint come from the environment (`AWS_…`, `AZURE_…`) or from the files
//! that it names, never from the location.

use object_store::{
    ClientOptions, ObjectStore, RetryConfig, aws::AmazonS3Builder, azure::MicrosoftAzureBuilder,
    path::Path,
};
use std::{fmt, str::FromStr, sync::Arc, time::Duration};

/// A request that takes longer is tried again.
const REQUEST: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(3);
/// Within one request; the spool itself goes on trying.
const RETRIES: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StoreKind {
    S3,
    Azure,
}

/// See the module's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectLocation {
    kind: StoreKind,
    bucket: String,
    prefix: Path,
    text: String,
}

/// Why a text names no place for spools, or a store cannot be made of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{location}`: {why}")]
pub struct BadLocation {
    location: String,
    why: String,
}

impl FromStr for ObjectLocation {
    type Err = BadLocation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |why: &str| BadLocation {
            location: text.to_owned(),
            why: why.to_owned(),
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(bad(
                "a location is `s3://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`",
            ));
        };
        let kind = match scheme {
            "s3" => StoreKind::S3,
            "az" => StoreKind::Azure,
            "file" => {
                return Err(bad(
                    "a folder of this machine is `spool.folder`, which syncs what it writes",
                ));
            }
            _ => return Err(bad("only `s3://` and `az://` are known")),
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || bucket.contains(['@', ':', '?']) {
            return Err(bad(
                "it must name a bucket and nothing else: credentials and endpoint come from the environment",
            ));
        }
        let prefix =
            Path::parse(prefix.trim_end_matches('/')).map_err(|error| bad(&error.to_string()))?;
        Ok(Self {
            kind,
            bucket: bucket.to_owned(),
            prefix,
            text: text.trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for ObjectLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl ObjectLocation {
    pub(crate) fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// A client of the store; asks nothing yet.
    pub(crate) fn connect(&self) -> Result<Arc<dyn ObjectStore>, BadLocation> {
        let client =
            |options: ClientOptions| options.with_timeout(REQUEST).with_connect_timeout(CONNECT);
        let retry = RetryConfig {
            max_retries: RETRIES,
            retry_timeout: REQUEST,
            ..RetryConfig::default()
        };
        let built = match self.kind {
            StoreKind::S3 => s3(&self.bucket, client, retry),
            StoreKind::Azure => azure(&self.bucket, client, retry),
        };
        built.map_err(|error| BadLocation {
            location: self.text.clone(),
            why: error.to_string(),
        })
    }
}

type Built = object_store::Result<Arc<dyn ObjectStore>>;

fn is_set(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| value == "true" || value == "1")
}

fn s3(bucket: &str, client: impl Fn(ClientOptions) -> ClientOptions, retry: RetryConfig) -> Built {
    let options = client(ClientOptions::new()).with_allow_http(is_set("AWS_ALLOW_HTTP"));
    let builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_client_options(options)
        .with_retry(retry);
    Ok(Arc::new(builder.build()?))
}

fn azure(
    bucket: &str,
    client: impl Fn(ClientOptions) -> ClientOptions,
    retry: RetryConfig,
) -> Built {
    let options = client(ClientOptions::new()).with_allow_http(is_set("AZURE_ALLOW_HTTP"));
    let builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(bucket)
        .with_client_options(options)
        .with_retry(retry);
    Ok(Arc::new(builder.build()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_bucket_and_a_prefix() {
        let found: ObjectLocation = "s3://bucket/some/prefix/".parse().unwrap();
        assert_eq!((found.kind, &*found.bucket), (StoreKind::S3, "bucket"));
        assert_eq!(found.prefix.as_ref(), "some/prefix");
        assert_eq!(found.to_string(), "s3://bucket/some/prefix");
        assert_eq!(
            ObjectLocation::from_str("az://c").unwrap().prefix.as_ref(),
            ""
        );
    }

    #[test]
    fn what_is_none_is_refused_with_a_reason() {
        for (text, word) in [
            ("/var/lib", "s3://BUCKET"),
            ("file:///var/lib", "spool.folder"),
            ("memory:///", "only"),
            ("s3:///prefix", "bucket"),
            ("s3://key:secret@bucket/prefix", "environment"),
        ] {
            let why = ObjectLocation::from_str(text).unwrap_err().to_string();
            assert!(why.contains(word), "{text}: {why}");
        }
    }
}
