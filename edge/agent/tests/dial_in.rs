//! Modems that dial in: they introduce themselves, send signs of life, and are polled by RTU.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "peers/slave.rs"]
mod slave;

use std::net::SocketAddr;
use std::time::Duration;

use forewarn_agent::source::modbus::frame::{Answer, Ask, Framing};
use forewarn_agent::source::modbus::line::{ExchangeError, Line};
use forewarn_agent::source::modbus::reception::Reception;
use forewarn_domain::id::LinkId;
use forewarn_domain::site::Transport;
use forewarn_domain::template::Table;
use forewarn_lifecycle::CancellationToken;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const LIMIT: Duration = Duration::from_secs(5);

fn via(name: &str) -> Transport {
    toml::from_str::<std::collections::BTreeMap<String, Transport>>(&format!(
        "via = {{ dial_in = {{ listen = '127.0.0.1:0', register = {{ bytes = 'ascii:{name}' }}, \
         heartbeat = 'hex:fefe' }} }}"
    ))
    .unwrap()
    .remove("via")
    .unwrap()
}

fn read(address: u16, count: u16) -> Ask {
    Ask::Table { table: Table::Holding, address, count }
}

fn words(unit: u8, address: u16, count: u16) -> Answer {
    Answer::Words((0..count).map(|it| slave::value(unit, 3, address + it)).collect())
}

/// A modem with a slave behind it: heartbeats stand before and behind its answers.
async fn modem(port: SocketAddr, says: &[u8], unit: u8) {
    let mut stream = TcpStream::connect(port).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(says).await.unwrap();
    let mut bytes = vec![0; slave::question_bytes(Framing::Rtu)];
    for turn in 0.. {
        if stream.read_exact(&mut bytes).await.is_err() {
            return;
        }
        let asked = slave::question(Framing::Rtu, &bytes);
        if asked.unit != unit {
            continue;
        }
        let answer = slave::answer(Framing::Rtu, asked);
        let sent = match turn % 3 {
            0 => [&[0xfe, 0xfe], &answer[..]].concat(),
            1 => [&answer[..], &[0xfe, 0xfe]].concat(),
            _ => answer,
        };
        if stream.write_all(&sent).await.is_err() {
            return;
        }
    }
}

struct Plant {
    port: SocketAddr,
    lines: Vec<Line>,
    reception: Reception,
}

fn plant(names: &[&str]) -> Plant {
    let mut reception = Reception::bind("127.0.0.1:0").unwrap();
    let port = reception.local_addr().unwrap();
    let lines = names
        .iter()
        .map(|name| {
            let link = LinkId::new(&name.to_lowercase()).unwrap();
            Line::dialled(via(name), reception.expect(link, &via(name)).unwrap())
        })
        .collect();
    Plant { port, lines, reception }
}

#[tokio::test]
async fn modems_that_share_a_port_are_told_apart_by_what_they_say() {
    let Plant { port, mut lines, reception } = plant(&["WS3-0007", "WS3-0008"]);
    let stop = CancellationToken::new();
    let asking = async {
        // A stranger is turned away, and nobody takes its place for a modem.
        modem(port, b"GET / HTTP/1.1\r\n\r\n", 1).await;
        for turn in 0..30 {
            let seven = lines[0].ask(1, read(turn, 3), LIMIT).await.unwrap();
            assert_eq!(seven, words(1, turn, 3));
            let eight = lines[1].ask(2, read(turn, 5), LIMIT).await.unwrap();
            assert_eq!(eight, words(2, turn, 5));
        }
    };
    tokio::select! {
        () = reception.run(stop.clone()) => panic!("the reception ended"),
        () = modem(port, b"WS3-0008", 2) => panic!("the second modem was thrown out"),
        () = modem(port, b"WS3-0007\xfe\xfe", 1) => panic!("the first modem was thrown out"),
        () = asking => {}
    }
}

#[tokio::test]
async fn a_modem_that_dials_in_anew_takes_the_place_of_its_dead_connection() {
    let Plant { port, mut lines, reception } = plant(&["WS3-0007"]);
    let stop = CancellationToken::new();
    let asking = async {
        let mut dead = TcpStream::connect(port).await.unwrap();
        dead.write_all(b"WS3-0007").await.unwrap();
        let limit = Duration::from_millis(200);
        let silent = lines[0].ask(1, read(7, 1), limit).await.unwrap_err();
        assert!(matches!(silent, ExchangeError::TimedOut { .. }), "{silent}");
        let anew = async {
            loop {
                match lines[0].ask(1, read(7, 1), limit).await {
                    Ok(answer) => return answer,
                    Err(error) => assert!(error.is_silence(), "{error}"),
                }
            }
        };
        tokio::select! {
            () = modem(port, b"WS3-0007", 1) => panic!("the modem was thrown out"),
            answer = anew => assert_eq!(answer, words(1, 7, 1)),
        }
        drop(dead);
    };
    tokio::select! {
        () = reception.run(stop.clone()) => panic!("the reception ended"),
        () = asking => {}
    }
}

#[tokio::test]
async fn nobody_at_the_door_is_an_unreachable_device_and_not_a_zero() {
    let Plant { mut lines, .. } = plant(&["WS3-0007"]);
    let error = lines[0].ask(1, read(0, 1), Duration::from_millis(50)).await.unwrap_err();
    assert!(error.is_silence(), "{error}");
}

#[tokio::test]
async fn modems_that_nobody_could_tell_apart_are_refused_by_name() {
    let mut reception = Reception::bind("127.0.0.1:0").unwrap();
    let expect = |reception: &mut Reception, link: &str, name: &str| {
        reception.expect(LinkId::new(link).unwrap(), &via(name)).map(|_| ())
    };
    expect(&mut reception, "dtu-7", "WS3-0007").unwrap();
    expect(&mut reception, "dtu-8", "WS3-0008").unwrap();
    for name in ["WS3-0007", "WS3", "WS3-00071"] {
        let refused = expect(&mut reception, "dtu-9", name).unwrap_err().to_string();
        assert!(refused.contains("`dtu-9` and `dtu-7`"), "{refused}");
    }
}
