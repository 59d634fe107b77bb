//! Where a device is that is asked by hand, without a site file.

use forewarn_domain::site::Transport;
use forewarn_domain::template::Parity;

use super::Failure;

/// Where a device is.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// A Modbus TCP device or gateway.
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "serial")]
    address: Option<String>,
    /// RTU frames instead of Modbus TCP over that connection.
    #[arg(long, requires = "address")]
    rtu: bool,
    /// A serial port.
    #[arg(long, value_name = "FILE")]
    serial: Option<String>,
    /// Bits per second of the serial port.
    #[arg(long, default_value_t = 19_200)]
    baud: u32,
    /// Parity of the serial port.
    #[arg(long, default_value = "none", value_parser = ["none", "even", "odd"])]
    parity: String,
    /// Stop bits of the serial port.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    stop: u8,
    /// Which unit on the line or behind the gateway.
    #[arg(long, default_value_t = 1)]
    pub(super) unit: u8,
}

impl Target {
    /// The link, where one is named.
    pub(super) fn via(&self) -> Result<Option<Transport>, Failure> {
        if self.unit == 0 {
            return Err(
                "unit 0 is everybody at once and cannot be read; give --unit 1 to 247".into()
            );
        }
        let address =
            || self.address.clone().map(|it| if it.contains(':') { it } else { it + ":502" });
        Ok(match (address(), &self.serial) {
            (Some(address), _) if self.rtu => Some(Transport::RtuOverTcp { address }),
            (Some(address), _) => Some(Transport::Tcp { address }),
            (None, Some(port)) => {
                let parity = match self.parity.as_str() {
                    "even" => Parity::Even,
                    "odd" => Parity::Odd,
                    _ => Parity::None,
                };
                let (port, baud, stop) = (port.clone(), self.baud, self.stop);
                Some(Transport::Rtu { port, baud, parity, stop })
            }
            (None, None) => None,
        })
    }
}
