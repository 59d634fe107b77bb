//! A Mosquitto with its default settings, which forgets everything when it is killed.

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(crate) struct Broker {
    mosquitto: PathBuf,
    folder: PathBuf,
    port: u16,
    running: Mutex<Child>,
}

impl Broker {
    pub(crate) fn start(mosquitto: &Path, folder: &Path, port: u16) -> Self {
        // A listener must be named; everything else is as Mosquitto has it.
        let conf = format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
        std::fs::write(folder.join("mosquitto.conf"), conf).unwrap();
        let running = Mutex::new(spawn(mosquitto, folder));
        wait_for(port);
        let (mosquitto, folder) = (mosquitto.to_owned(), folder.to_owned());
        Self { mosquitto, folder, port, running }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Kills it and starts another at once.
    pub(crate) fn replace(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        end(&mut running);
        *running = spawn(&self.mosquitto, &self.folder);
        wait_for(self.port);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        end(self.running.get_mut().unwrap_or_else(PoisonError::into_inner));
    }
}

fn spawn(mosquitto: &Path, folder: &Path) -> Child {
    let log = folder.join("mosquitto.log");
    let log = File::options().create(true).append(true).open(log).unwrap();
    let mut command = Command::new(mosquitto);
    command.arg("-c").arg(folder.join("mosquitto.conf"));
    command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

fn wait_for(port: u16) {
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < Duration::from_secs(10), "mosquitto does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn end(child: &mut Child) {
    // One that has ended already cannot be killed, and that is as good.
    if child.kill().is_ok() {
        child.wait().unwrap();
    }
}
