//! The door of a real server: what it refuses to open, TLS from files, the first admin, and no secret in
//! anything that it leaves behind.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use forewarn_tests::{own_program, program, root, skipped};
use serde_json::{Value, json};

const PASSWORD: &str = "canary-77 horse battery";

/// A folder with the settings of a server.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new(http: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = root().join("config/demo/site.toml");
        fs::copy(site, folder.path().join("site.toml")).unwrap();
        let text = format!(
            "site_file = \"site.toml\"\ndata_dir = \"data\"\n{http}\n[broker]\n\
             embedded = {{ listen = \"127.0.0.1:0\" }}\n"
        );
        fs::write(folder.path().join("server.toml"), text).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn serve(&self) -> Command {
        let mut command = Command::new(own_program("forewarn"));
        command.args(["serve", "--config"]).arg(self.path("server.toml")).stdin(Stdio::null());
        command
    }

    /// Starts a server and waits until it says where it is.
    fn start(&self, life: &str) -> Server {
        let log = self.path(&format!("{life}.log"));
        let file = fs::File::create(&log).unwrap();
        let mut command = self.serve();
        command.stdout(file.try_clone().unwrap()).stderr(file).env("FOREWARN_LOG", "debug");
        let mut server = Server { child: command.spawn().unwrap(), url: String::new(), log };
        for _ in 0..600 {
            let log = server.log();
            if let Some(rest) = log.split("Forewarn serves ").nth(1) {
                server.url = rest.split_whitespace().next().unwrap().to_owned();
                return server;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("it does not serve: {}", server.log());
    }
}

struct Server {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Server {
    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// The token stands at the end of its sentence.
    fn token(&self) -> Option<String> {
        let log = self.log();
        let sentence = log.lines().find(|it| it.contains("Setup token"))?.to_owned();
        sentence.split_whitespace().next_back().map(str::to_owned)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Asks by `curl`, as somebody else's program would; the answer is its status and its text.
fn ask(home: &Home, url: &str, more: &[&str]) -> (u16, String) {
    let mut command = Command::new(program("curl").unwrap());
    command.args(["--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_code}"]);
    command.args(["--cacert", "ca.pem", "--cookie", "jar", "--cookie-jar", "jar"]);
    let output = command.args(more).arg(url).current_dir(home.folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (text, status) = text.rsplit_once('\n').unwrap_or(("", "0"));
    (status.parse().unwrap_or(0), text.to_owned())
}

fn post(home: &Home, url: &str, body: &Value) -> (u16, String) {
    let body = body.to_string();
    ask(home, url, &["--header", "content-type: application/json", "--data", &body])
}

/// An authority `ca.pem` and a certificate of it for 127.0.0.1.
fn make_certificate(folder: &Path) -> bool {
    fs::write(folder.join("san"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    let steps = [
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=plant -days 2",
        "req -newkey rsa:2048 -nodes -keyout server.key -out request.pem -subj /CN=forewarn",
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 \
         -extfile san",
    ];
    steps.iter().all(|step| {
        let made =
            Command::new("openssl").args(step.split_whitespace()).current_dir(folder).output();
        made.is_ok_and(|it| it.status.success())
    })
}

fn has_peers(test: &str) -> bool {
    let has_all = program("curl").is_some() && program("openssl").is_some();
    if !has_all {
        skipped(test, "peers", "curl and openssl");
    }
    has_all
}

#[test]
fn a_server_does_not_open_off_loopback_without_tls_and_says_what_to_do() {
    let home = Home::new("http = \"0.0.0.0:0\"");
    let Output { status, stderr, .. } = home.serve().output().unwrap();
    let said = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(status.code(), Some(1), "{said}");
    for remedy in ["tls_cert", "tls_key", "behind_proxy = true", "--insecure-lab"] {
        assert!(said.contains(remedy), "{said}");
    }
    assert!(!home.path("data").try_exists().unwrap(), "it did nothing before");
}

#[test]
fn the_first_admin_comes_in_by_tls_and_no_secret_is_left_behind() {
    if !has_peers("the_first_admin_comes_in_by_tls_and_no_secret_is_left_behind") {
        return;
    }
    let home = Home::new(
        "[http]\nlisten = \"127.0.0.1:0\"\ntls_cert = \"server.pem\"\ntls_key = \"server.key\"",
    );
    assert!(make_certificate(home.folder.path()));
    let server = home.start("first");
    let url = server.url.clone();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    // Somebody who connects and says nothing holds up nobody.
    let _silent = TcpStream::connect(url.trim_start_matches("https://")).unwrap();
    assert_eq!(ask(&home, &format!("{url}/livez"), &[]), (200, "alive\n".to_owned()));
    let plain = ask(&home, &format!("{}/livez", url.replace("https", "http")), &[]);
    assert_eq!(plain.0, 0, "plain http is no TLS: {plain:?}");
    assert_eq!(ask(&home, &format!("{url}/api/v1/tickets"), &[]).0, 401);
    let token = server.token().expect("there is no admin yet");
    let first =
        json!({"token": token, "name": "wang", "display_name": "王工", "password": PASSWORD});
    let (status, text) = post(&home, &format!("{url}/api/v1/setup"), &first);
    assert_eq!(status, 200, "{text}");
    let jar = fs::read_to_string(home.path("jar")).unwrap();
    let cookie = jar.lines().find(|it| it.contains("__Host-forewarn_session")).unwrap();
    assert!(cookie.starts_with("#HttpOnly_127.0.0.1\tFALSE\t/\tTRUE\t"), "https only: {cookie}");
    let session = cookie.split_whitespace().next_back().unwrap().to_owned();
    assert_eq!(ask(&home, &format!("{url}/api/v1/tickets"), &[]).0, 200);
    let new = json!({"name": "ERP", "scopes": ["read"]});
    let (status, text) = post(&home, &format!("{url}/api/v1/keys"), &new);
    assert_eq!(status, 201, "{text}");
    let made: Value = serde_json::from_str(&text).unwrap();
    let key = made["key"].as_str().unwrap().to_owned();
    let wrong = json!({"name": PASSWORD, "password": PASSWORD});
    assert_eq!(post(&home, &format!("{url}/api/v1/sessions"), &wrong).0, 401);
    let first_log = server.log();
    drop(server);
    let again = home.start("second");
    assert_eq!(again.token(), None, "there is an admin");
    assert_eq!(ask(&home, &format!("{}/api/v1/tickets", again.url), &[]).0, 200, "still signed in");
    let second_log = again.log();
    drop(again);
    let logs = first_log.replace(&token, "…") + &second_log;
    assert!(first_log.matches(&token).count() == 1, "it is shown once");
    let secrets = [PASSWORD, &token, &session, &key];
    assert!(secrets.iter().all(|it| !logs.contains(*it)), "a secret is in the log");
    for file in fs::read_dir(home.path("data")).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            for secret in secrets {
                let is_in = bytes.windows(secret.len()).any(|it| it == secret.as_bytes());
                assert!(!is_in, "{} holds a secret", path.display());
            }
        }
    }
}
