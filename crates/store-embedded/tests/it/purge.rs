//! What was replaced and purged is in no file, wherever pages were split and entries moved.

use crate::opened::{Opened, open};
use futures::future::join_all;
use std::fs;
use store::{Record as _, Swapped};

/// Names and sizes as they come, the same in each run.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

async fn put(opened: &Opened, values: &[(String, Option<String>, String)]) {
    for some in values.chunks(64) {
        let swaps = some
            .iter()
            .map(|(name, was, new)| opened.store.swap_value(name, was.as_deref(), new));
        for swapped in join_all(swaps).await {
            assert_eq!(swapped, Ok(Swapped::Done));
        }
    }
}

/// How many of the texts are anywhere in the folder.
fn found(opened: &Opened, texts: &[String]) -> usize {
    let files = fs::read_dir(opened.folder.path()).expect("the folder");
    let files: Vec<String> = files
        .map(|file| fs::read(file.expect("an entry").path()).expect("a file"))
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    let is_there = |text: &&String| files.iter().any(|file| file.contains(text.as_str()));
    texts.iter().filter(is_there).count()
}

#[tokio::test]
async fn what_was_replaced_is_in_no_file_after_a_purge() {
    const SECRETS: usize = 1_000;
    let opened = open().await;
    let mut sequence = Sequence(7);
    let mut names: Vec<String> = (0..4 * SECRETS)
        .map(|n| format!("{:05}/{n}", sequence.next(100_000)))
        .collect();
    let others = names.split_off(SECRETS);
    let secrets: Vec<String> = (0..SECRETS).map(|n| format!("secret-{n:0>80}-")).collect();
    let fresh = |(name, secret): (&String, &String)| (name.clone(), None, secret.clone());
    let written: Vec<_> = names.iter().zip(&secrets).map(fresh).collect();
    put(&opened, &written).await;
    // Entries of all sizes between them, so that pages are split.
    let sizes = [10, 100, 900];
    let mut between = |name: &String| {
        let size = sizes[usize::try_from(sequence.next(3)).expect("less than three")];
        (name.clone(), None, "y".repeat(size))
    };
    let between: Vec<_> = others.iter().map(&mut between).collect();
    put(&opened, &between).await;
    let gone: Vec<_> = written
        .into_iter()
        .map(|(name, _, secret)| (name, Some(secret), "gone".to_owned()))
        .collect();
    put(&opened, &gone).await;
    assert!(
        found(&opened, &secrets) > 0,
        "a file keeps what was replaced"
    );
    assert_eq!(opened.store.purge_replaced_values().await, Ok(Vec::new()));
    assert_eq!(found(&opened, &secrets), 0);
    let kept = opened.store.held_values(&others).await.expect("values");
    assert!(
        kept.iter()
            .zip(&between)
            .all(|(kept, (_, _, put))| kept.as_ref() == Some(put))
    );
}
