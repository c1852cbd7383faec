//! Keys of subjects over a real store: one key whoever comes first, none once erased, and rotation.

use super::*;
use crate::ValuePlace;
use store_embedded::{Config, EmbeddedStore};

const PLACE: ValuePlace<'_> = ValuePlace {
    kind: "table",
    within: "user",
    field: "email",
};

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

async fn erase(keys: &SubjectKeys, subject: &str, now: i64) -> ErasedSubject {
    let erasure = keys.erase(&[subject.to_owned()], now).await.unwrap();
    assert_eq!(erasure.to_run, Vec::<String>::new());
    erasure.outcomes[0]
}

#[tokio::test]
async fn a_subject_has_one_key_whoever_makes_it() {
    let deployment = Deployment::new().await;
    let (one, other) = (deployment.process(""), deployment.process(""));
    let (a, b) = tokio::join!(one.ensure("user/1"), other.ensure("user/1"));
    let (a, b) = (a.unwrap().unwrap(), b.unwrap().unwrap());
    let sealed = a.seal(PLACE, "meera@example.org");
    assert_eq!(b.open(PLACE, &sealed).as_deref(), Some("meera@example.org"));
    let found = other.find(a.id()).await.unwrap().unwrap();
    assert!(found.open(PLACE, &sealed).is_some());
    let second = one.ensure("user/2").await.unwrap().unwrap();
    assert_eq!(second.open(PLACE, &sealed), None);
    assert!(one.find(one.id("user/3")).await.unwrap().is_none());
    assert_ne!(one.hash("user.email", "a"), one.hash("user.phone", "a"));
    assert_eq!(one.hash("user.email", "a"), other.hash("user.email", "a"));
}

#[tokio::test]
async fn an_erased_subject_never_has_a_key_again() {
    let deployment = Deployment::new().await;
    let keys = deployment.process("");
    let key = keys.ensure("user/1").await.unwrap().unwrap();
    assert_eq!(erase(&keys, "user/1", 5).await, ErasedSubject::Destroyed);
    assert_eq!(erase(&keys, "user/1", 6).await, ErasedSubject::Already);
    assert_eq!(erase(&keys, "user/2", 6).await, ErasedSubject::NeverHad);
    for process in [keys, deployment.process("")] {
        for subject in ["user/1", "user/2"] {
            assert!(process.ensure(subject).await.unwrap().is_none());
        }
        assert!(process.find(key.id()).await.unwrap().is_none());
    }
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
        .seal(PLACE, "secret");
    let old = deployment.process(&line("a", 1));
    let later = old.ensure("user/2").await.unwrap().unwrap();
    let later = later.seal(PLACE, "other");
    erase(&old, "user/3", 1).await;

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
        key.open(PLACE, sealed)
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

/// How many of the texts stand anywhere in the folder's files.
fn found_in_files(folder: &std::path::Path, texts: &[String]) -> usize {
    let files = std::fs::read_dir(folder).unwrap();
    let read = |path: std::path::PathBuf| std::fs::read(path).unwrap();
    let files: Vec<String> = files
        .map(|file| String::from_utf8_lossy(&read(file.unwrap().path())).into_owned())
        .collect();
    let is_there = |text: &&String| files.iter().any(|file| file.contains(text.as_str()));
    texts.iter().filter(is_there).count()
}

/// Many keys among many others, so that pages of the file were split, merged and freed.
#[tokio::test]
async fn an_erased_key_is_in_no_file_not_even_wrapped() {
    const SUBJECTS: usize = 120;
    let deployment = Deployment::new().await;
    let keys = deployment.process("");
    let subjects: Vec<String> = (0..SUBJECTS).map(|n| format!("user/{n}")).collect();
    let mut wrapped = Vec::new();
    for subject in &subjects {
        keys.ensure(subject).await.unwrap().unwrap();
        let text = keys
            .read_record(&key_name(keys.id(subject)))
            .await
            .unwrap()
            .unwrap();
        let KeyRecord::Wrapped { key, .. } = keys.parse("", &text).unwrap() else {
            panic!("{text}");
        };
        wrapped.push(key);
    }
    let folder = deployment.folder.path();
    assert_eq!(found_in_files(folder, &wrapped), SUBJECTS);
    let (gone, kept) = subjects.split_at(SUBJECTS - 20);
    let erasure = keys.erase(gone, 5).await.unwrap();
    assert_eq!(erasure.outcomes, vec![ErasedSubject::Destroyed; gone.len()]);
    assert_eq!(found_in_files(folder, &wrapped[..gone.len()]), 0);
    assert_eq!(found_in_files(folder, &wrapped[gone.len()..]), kept.len());
    let again = deployment.process("");
    for subject in kept {
        assert!(again.ensure(subject).await.unwrap().is_some());
    }
}
