//! A real Mosquitto on a free port, without persistence: a kill makes it forget everything.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct Mosquitto {
    port: u16,
    config: tempfile::NamedTempFile,
    process: Child,
}

impl Mosquitto {
    /// `None`, and a line that says so, when Mosquitto is not installed.
    pub(crate) fn start_or_skip(test: &str) -> Option<Self> {
        Self::start_with(test, "allow_anonymous true\n")
    }

    /// With settings of its own behind the listener.
    pub(crate) fn start_with(test: &str, settings: &str) -> Option<Self> {
        let port = free_port();
        let mut config = tempfile::NamedTempFile::new().unwrap();
        let lines = format!("persistence false\nlistener {port} 127.0.0.1\n{settings}");
        config.write_all(lines.as_bytes()).unwrap();
        let is_required =
            std::env::var("FOREWARN_REQUIRE").is_ok_and(|required| required.contains("peers"));
        match spawn(&config) {
            Ok(process) => {
                let broker = Self { port, config, process };
                broker.wait_until_it_listens();
                Some(broker)
            }
            Err(error) if is_required => panic!("{test} needs mosquitto: {error}"),
            Err(_absent) => {
                report(&format!("SKIPPED {test}: needs mosquitto"));
                None
            }
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        self.process = spawn(&self.config).unwrap();
        self.wait_until_it_listens();
    }

    fn wait_until_it_listens(&self) {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "mosquitto does not listen");
            std::thread::yield_now();
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            self.process.wait().unwrap();
        }
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[expect(clippy::print_stdout, reason = "a skipped test must be seen")]
fn report(line: &str) {
    println!("{line}");
}

/// Debian keeps it in a folder that an ordinary user's search path lacks.
fn spawn(config: &tempfile::NamedTempFile) -> Result<Child, std::io::Error> {
    let start = |program: &str| {
        let mut command = Command::new(program);
        command.arg("-c").arg(config.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    };
    start("mosquitto").or_else(|_| start("/usr/sbin/mosquitto"))
}
