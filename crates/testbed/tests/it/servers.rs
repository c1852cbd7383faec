//! Real servers: the shared trio answers, private ones can be killed, frozen and started again and
//! leave nothing behind.

use std::time::Duration;

use testbed::{PrivateOptions, Server, Servers, probe};

const SOON: Duration = Duration::from_secs(2);

#[test]
fn the_shared_trio_answers_in_its_own_protocols() {
    let servers = Servers::shared();
    for server in Server::TRIO {
        probe::answers(server, servers.addresses().of(server), SOON).expect("answers");
    }
    assert!(
        servers.kill9(Server::Kafka).is_err(),
        "shared servers are not to be disturbed"
    );
    let wrong = probe::answers(Server::Cassandra, &servers.addresses().elasticsearch, SOON);
    assert!(wrong.is_err(), "the probe tells servers apart");
}

#[test]
fn a_private_server_is_killed_frozen_and_started_again() {
    let options = PrivateOptions {
        servers: vec![Server::Kafka],
        ..PrivateOptions::default()
    };
    let servers = Servers::private(&options).expect("starts");
    let kafka = servers.addresses().kafka.clone();
    servers.wait_ready(Server::Kafka).expect("answers");

    servers.stop(Server::Kafka).expect("SIGSTOP");
    assert!(
        probe::answers(Server::Kafka, &kafka, SOON).is_err(),
        "frozen"
    );
    servers.cont(Server::Kafka).expect("SIGCONT");
    probe::answers(Server::Kafka, &kafka, SOON).expect("thawed");

    servers.kill9(Server::Kafka).expect("SIGKILL");
    assert!(probe::answers(Server::Kafka, &kafka, SOON).is_err(), "gone");
    assert!(servers.stop(Server::Kafka).is_err(), "nothing to freeze");
    servers.start(Server::Kafka).expect("starts again");
    servers.wait_ready(Server::Kafka).expect("answers again");

    let folder = servers.folder().expect("private").to_path_buf();
    drop(servers);
    assert!(
        probe::answers(Server::Kafka, &kafka, SOON).is_err(),
        "ended with its owner"
    );
    assert!(!folder.exists(), "and its data");
}
