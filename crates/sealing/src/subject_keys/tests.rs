//! Keys of subjects over a real store: one key whoever comes first, none once erased, and rotation.

use super::*;
use store_embedded::{Config, EmbeddedStore};

struct Deployment {
    record: Arc<dyn Record>,
    folder: tempfile::TempDir,
}

impl Deployment {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(Config::new(folder.path().join("store.sqlite"))).unwrap();
        Record::migrate(&store, &[]).await.unwrap();
        Self {
            record: Arc::new(store),
            folder,
        }
    }

    /// What another process of the deployment holds.
    fn process(&self, masters: &str) -> SubjectKeys {
        let secret = Keyring::new(1, *b"a secret of thirty-two bytes....");
        let masters = match masters {
            "" => MasterKeys::derived(&secret),
            text => MasterKeys::parse(text, &secret).unwrap(),
        };
        SubjectKeys::new(self.record.clone(), secret, masters)
    }
}

#[tokio::test]
async fn a_subject_has_one_key_whoever_makes_it() {
    let deployment = Deployment::new().await;
    let (one, other) = (deployment.process(""), deployment.process(""));
    let (a, b) = tokio::join!(one.ensure("user/1"), other.ensure("user/1"));
    let (a, b) = (a.unwrap().unwrap(), b.unwrap().unwrap());
    let sealed = a.seal("meera@example.org");
    assert_eq!(b.open(&sealed).as_deref(), Some("meera@example.org"));
    let found = other.find(a.id()).await.unwrap().unwrap();
    assert!(found.open(&sealed).is_some());
    let second = one.ensure("user/2").await.unwrap().unwrap();
    assert_eq!(second.open(&sealed), None);
    assert!(one.find(one.id("user/3")).await.unwrap().is_none());
    assert_ne!(one.hash("user.email", "a"), one.hash("user.phone", "a"));
    assert_eq!(one.hash("user.email", "a"), other.hash("user.email", "a"));
}

#[tokio::test]
async fn an_erased_subject_never_has_a_key_again() {
    let deployment = Deployment::new().await;
    let keys = deployment.process("");
    let key = keys.ensure("user/1").await.unwrap().unwrap();
    assert_eq!(keys.erase("user/1", 5).await, Ok(ErasedSubject::Destroyed));
    assert_eq!(keys.erase("user/1", 6).await, Ok(ErasedSubject::Already));
    assert_eq!(keys.erase("user/2", 6).await, Ok(ErasedSubject::NeverHad));
    for process in [keys, deployment.process("")] {
        for subject in ["user/1", "user/2"] {
            assert!(process.ensure(subject).await.unwrap().is_none());
        }
        assert!(process.find(key.id()).await.unwrap().is_none());
    }
}

/// Whoever holds the master key and a file of the store must not find the wrapped key in it.
#[tokio::test]
async fn no_file_holds_a_key_that_was_destroyed() {
    let deployment = Deployment::new().await;
    let keys = deployment.process("");
    keys.ensure("user/1").await.unwrap().unwrap();
    keys.ensure("user/2").await.unwrap().unwrap();
    let read = async |subject: &str| keys.read(&name(keys.id(subject))).await.unwrap().unwrap();
    let (one, two) = (read("user/1").await, read("user/2").await);
    let files_with = |text: &str| {
        let files = std::fs::read_dir(deployment.folder.path()).unwrap();
        let bytes = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        bytes
            .filter(|bytes| {
                bytes
                    .windows(text.len())
                    .any(|part| part == text.as_bytes())
            })
            .count()
    };
    assert!(files_with(&one) > 0 && files_with(&two) > 0);
    keys.erase("user/1", 5).await.unwrap();
    assert_eq!(files_with(&one), 0);
    assert!(files_with(&two) > 0, "what is searched is there");
}

#[tokio::test]
async fn after_a_rotation_the_older_master_keys_can_be_dropped() {
    let line = |name: &str, byte| format!("{name}:{}\n", STANDARD.encode([byte; 32]));
    let deployment = Deployment::new().await;
    let first = deployment.process("");
    let sealed = first
        .ensure("user/1")
        .await
        .unwrap()
        .unwrap()
        .seal("secret");
    let old = deployment.process(&line("a", 1));
    let later = old.ensure("user/2").await.unwrap().unwrap().seal("other");
    old.erase("user/3", 1).await.unwrap();

    let both = deployment.process(&(line("b", 2) + &line("a", 1)));
    let report = both.rotate().await.unwrap();
    let expected = RotationReport {
        rewrapped: 2,
        current: 0,
        erased: 1,
        unreadable: 0,
    };
    assert_eq!(report, expected);
    let again = both.rotate().await.unwrap();
    assert_eq!((again.rewrapped, again.current), (0, 2));

    let new = deployment.process(&line("b", 2));
    let open = async |subject: &str, sealed: &str| {
        let key = new.ensure(subject).await.unwrap().unwrap();
        key.open(sealed)
    };
    assert_eq!(open("user/1", &sealed).await.as_deref(), Some("secret"));
    assert_eq!(open("user/2", &later).await.as_deref(), Some("other"));
    let error = first_error(&deployment.process(&line("a", 1))).await;
    assert!(
        error.contains("master key `b`, which is not held"),
        "{error}"
    );
}

async fn first_error(keys: &SubjectKeys) -> String {
    keys.ensure("user/1").await.unwrap_err().to_string()
}
