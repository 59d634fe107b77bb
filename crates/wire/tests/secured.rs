//! MQTT 3.1.1 and 5 against a real Mosquitto with passwords, an access list and TLS.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]
#![expect(dead_code, reason = "the broker can do more than these tests ask of it")]

#[path = "link/mosquitto.rs"]
mod mosquitto;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use forewarn_lifecycle::Tasks;
use forewarn_wire::mqtt::{
    self, ConnectOptions, Connection, ConnectionState, Login, Publication, PublishError, Version,
};
use forewarn_wire::tls::{ClientCertificate, Tls};

use mosquitto::Mosquitto;

const BOTH: [Version; 2] = [Version::V311, Version::V5];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_version_5_says_that_the_access_list_refuses_a_message() {
    let Some((broker, _folder)) = with_passwords("only_version_5_says_that_the_access_list") else {
        return;
    };
    for version in BOTH {
        let tasks = Tasks::default();
        let options = options(&broker, version).subscribe("own/edge1/#");
        let mut connection = connected(options, &tasks).await;
        let refused = Publication::new("other/edge2/x", "1");
        let outcome = within(connection.publisher.publish_confirmed(refused)).await;
        match version {
            Version::V311 => assert_eq!(outcome, Ok(()), "3.1.1 cannot say it"),
            Version::V5 => {
                let Err(PublishError::Refused { topic, reason }) = outcome else {
                    panic!("{outcome:?}")
                };
                assert_eq!((topic.as_str(), reason.as_str()), ("other/edge2/x", "not authorized"));
                let counted = connection.refusals.wait_for(|it| 0 < it.count);
                assert_eq!(within(counted).await.unwrap().count, 1);
            }
        }
        let own = Publication::new("own/edge1/x", vec![7_u8; 100_000]);
        within(connection.publisher.publish_confirmed(own)).await.unwrap();
        let mut incoming = within(connection.incoming.recv()).await.unwrap();
        incoming.acknowledge().await;
        assert_eq!((incoming.topic.as_str(), incoming.payload.len()), ("own/edge1/x", 100_000));
        tasks.stop(GRACE).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_no_connection_in_either_version() {
    let Some((broker, _folder)) = with_passwords("a_wrong_password_is_no_connection") else {
        return;
    };
    for version in BOTH {
        let tasks = Tasks::default();
        let login = Login { user: "edge1".to_owned(), password: "wrong".to_owned() };
        let options = ConnectOptions { login: Some(login), ..options(&broker, version) };
        let (mut connection, driver) = mqtt::open(options).unwrap();
        tasks.start("mqtt", |stop| driver.run(stop));
        let refused = |state: &ConnectionState| {
            matches!(state, ConnectionState::Disconnected { reason: Some(_) })
        };
        let state = within(connection.state.wait_for(refused)).await.unwrap().clone();
        let said = format!("{state:?}");
        assert!(said.contains("NotAuthorized") || said.contains("BadUserName"), "{said}");
        tasks.stop(GRACE).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate_opens_tls_in_either_version_and_its_absence_does_not() {
    let folder = tempfile::tempdir().unwrap();
    readable(folder.path());
    if !certificates(folder.path()) {
        report("SKIPPED a_client_certificate_opens_tls: needs openssl");
        return;
    }
    let path = |name: &str| folder.path().join(name).display().to_string();
    let settings = format!(
        "cafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n\
         use_identity_as_username true\nallow_anonymous false\n",
        path("ca.crt"),
        path("server.crt"),
        path("server.key")
    );
    let Some(broker) = Mosquitto::start_with("a_client_certificate_opens_tls", &settings) else {
        return;
    };
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    for version in BOTH {
        let tasks = Tasks::default();
        let client = ClientCertificate { chain_pem: read("edge1.crt"), key_pem: read("edge1.key") };
        let tls = Tls { ca_pem: read("ca.crt"), client: Some(client) };
        let named = ConnectOptions::new("127.0.0.1", broker.port(), format!("tls-{version:?}"));
        let options = ConnectOptions { tls: Some(tls), version, ..named.clone() };
        let connection = connected(options, &tasks).await;
        let message = Publication::new("any/topic", "1");
        within(connection.publisher.publish_confirmed(message)).await.unwrap();

        let tls = Tls { ca_pem: read("ca.crt"), client: None };
        let options = ConnectOptions { tls: Some(tls), version, ..named };
        let (mut nameless, driver) = mqtt::open(options).unwrap();
        tasks.start("nameless", |stop| driver.run(stop));
        let refused = |state: &ConnectionState| {
            matches!(state, ConnectionState::Disconnected { reason: Some(_) })
        };
        within(nameless.state.wait_for(refused)).await.unwrap();
        tasks.stop(GRACE).await.unwrap();
    }
}

fn options(broker: &Mosquitto, version: Version) -> ConnectOptions {
    let login = Login { user: "edge1".to_owned(), password: "s3cret".to_owned() };
    let name = format!("edge1-{version:?}");
    ConnectOptions {
        login: Some(login),
        version,
        ..ConnectOptions::new("127.0.0.1", broker.port(), name)
    }
}

async fn connected(options: ConnectOptions, tasks: &Tasks) -> Connection {
    let (mut connection, driver) = mqtt::open(options).unwrap();
    tasks.start("mqtt", |stop| driver.run(stop));
    let ready = |state: &ConnectionState| matches!(state, ConnectionState::Connected { .. });
    within(connection.state.wait_for(ready)).await.unwrap();
    connection
}

/// A broker that knows `edge1` and lets it use what is below its own name.
fn with_passwords(test: &str) -> Option<(Mosquitto, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    readable(folder.path());
    let (passwords, access) = (folder.path().join("passwords"), folder.path().join("access"));
    std::fs::write(&passwords, "").unwrap();
    std::fs::write(&access, "user edge1\ntopic readwrite own/edge1/#\n").unwrap();
    let written = Command::new("mosquitto_passwd")
        .arg("-b")
        .arg(&passwords)
        .args(["edge1", "s3cret"])
        .status();
    if !written.is_ok_and(|it| it.success()) {
        report(&format!("SKIPPED {test}: needs mosquitto_passwd"));
        return None;
    }
    readable(&passwords);
    readable(&access);
    let settings = format!(
        "allow_anonymous false\npassword_file {}\nacl_file {}\n",
        passwords.display(),
        access.display()
    );
    Some((Mosquitto::start_with(test, &settings)?, folder))
}

/// A plant's authority, a broker's certificate and one of a client. False without `openssl`.
fn certificates(folder: &Path) -> bool {
    let openssl = |line: &str| {
        let mut command = Command::new("openssl");
        command
            .args(line.split(' '))
            .current_dir(folder)
            .output()
            .is_ok_and(|it| it.status.success())
    };
    std::fs::write(folder.join("san"), "subjectAltName=IP:127.0.0.1,DNS:localhost").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    let mut is_made =
        openssl(&format!("req -x509 {key} -keyout ca.key -out ca.crt -subj /CN=plant -days 2"));
    for name in ["server", "edge1"] {
        is_made &=
            openssl(&format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        is_made &= openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san -out {name}.crt"
        ));
    }
    if is_made {
        for name in ["ca.crt", "server.crt", "server.key"] {
            readable(&folder.join(name));
        }
    }
    is_made
}

/// The broker drops its rights and must still read its files.
fn readable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.unwrap()
}

#[expect(clippy::print_stdout, reason = "a skipped test must be seen")]
fn report(line: &str) {
    println!("{line}");
}

const GRACE: Duration = Duration::from_secs(5);

/// Far above what any step takes, also on a loaded machine.
const LIMIT: Duration = Duration::from_secs(40);
