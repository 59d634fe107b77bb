//! Other people's programs on free ports of loopback, ended with the test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A peer that was started.
pub(crate) struct Peer {
    pub(crate) port: u16,
    process: Child,
}

impl Peer {
    /// Ends it and gives everything that it printed after its first line.
    pub(crate) fn end(mut self) -> String {
        self.process.kill().unwrap();
        let mut printed = String::new();
        self.process.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        printed
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            self.process.wait().unwrap();
        }
    }
}

/// One of the scripts of the shared folder, or a program text, run by a Python that has pymodbus.
/// `None`, and a line that says so, when there is none.
pub(crate) fn python(test: &str, script: Script<'_>) -> Option<Peer> {
    let Some(python) = python_with_pymodbus() else {
        skip(test, "a Python with pymodbus (FOREWARN_PYTHON)");
        return None;
    };
    let port = free_port();
    let mut command = Command::new(python);
    match script {
        Script::Shared(name) => {
            let path = shared().join("peers").join(name);
            if !path.try_exists().unwrap() {
                skip(test, &format!("{}", path.display()));
                return None;
            }
            command.arg(path).arg("tcp").arg(port.to_string());
        }
        Script::Text(text) => {
            command.arg("-c").arg(text).arg(port.to_string());
        }
    }
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = BufReader::with_capacity(1, process.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "ready", "the peer did not start");
    process.stdout = Some(out.into_inner());
    wait_until_it_listens(port);
    Some(Peer { port, process })
}

/// What a Python peer runs.
#[derive(Clone, Copy)]
pub(crate) enum Script<'a> {
    Shared(&'a str),
    Text(&'a str),
}

/// A Mosquitto without persistence on a given port.
pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    config: tempfile::NamedTempFile,
    process: Child,
}

impl Mosquitto {
    pub(crate) fn start(test: &str) -> Option<Self> {
        let port = free_port();
        let mut config = tempfile::NamedTempFile::new().unwrap();
        let lines = format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n");
        config.write_all(lines.as_bytes()).unwrap();
        let Some(process) = spawn_mosquitto(config.path()) else {
            skip(test, "mosquitto");
            return None;
        };
        wait_until_it_listens(port);
        Some(Self { port, config, process })
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        self.process = spawn_mosquitto(self.config.path()).unwrap();
        wait_until_it_listens(self.port);
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            self.process.wait().unwrap();
        }
    }
}

/// Debian keeps it in a folder that an ordinary user's search path lacks.
fn spawn_mosquitto(config: &Path) -> Option<Child> {
    ["mosquitto", "/usr/sbin/mosquitto"].into_iter().find_map(|program| {
        let mut command = Command::new(program);
        command.arg("-c").arg(config).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
    })
}

fn python_with_pymodbus() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let named = std::env::var_os("FOREWARN_PYTHON").map(PathBuf::from);
    let beside = [root.join(".venv/bin/python"), root.join("../.venv/bin/python")];
    named.into_iter().chain(beside).find(|python| {
        let mut command = Command::new(python);
        let asked = command.args(["-c", "import pymodbus"]).stderr(Stdio::null()).status();
        asked.is_ok_and(|it| it.success())
    })
}

fn shared() -> PathBuf {
    std::env::var_os("FOREWARN_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

#[expect(clippy::print_stdout, reason = "a skipped test must be seen")]
pub(crate) fn skip(test: &str, what: &str) {
    let is_required = std::env::var("FOREWARN_REQUIRE").is_ok_and(|it| it.contains("peers"));
    assert!(!is_required, "{test} needs {what}");
    println!("SKIPPED {test}: needs {what}");
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_until_it_listens(port: u16) {
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < Duration::from_secs(10), "nobody listens on port {port}");
        std::thread::yield_now();
    }
}
