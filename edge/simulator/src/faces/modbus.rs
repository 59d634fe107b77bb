//! Modbus TCP servers, one for each link; the unit ids of a link are its sources.

use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use forewarn_domain::id::{DeviceId, LinkId};
use forewarn_domain::site::{Source, Transport};
use forewarn_domain::template::{PointTemplate, Table};
use forewarn_lifecycle::Tasks;
use tokio::net::{TcpListener, TcpStream};
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::{Server, accept_tcp_connection};
use tokio_modbus::{ExceptionCode, Request, Response, SlaveRequest};

use super::{FaceError, LiveMachine, LiveMachines};
use crate::plant::SimulatedPlant;
use crate::registers::RegisterMap;
use crate::signal::Signal;

pub(super) async fn start(
    plant: &SimulatedPlant,
    machines: &LiveMachines,
    tasks: &Tasks,
) -> Result<BTreeMap<LinkId, SocketAddr>, FaceError> {
    let mut addresses = BTreeMap::new();
    for (link, units) in units_by_link(plant, machines)? {
        let face = Arc::new(LinkFace { link: link.clone(), units });
        let refused = |source: io::Error| FaceError::Listen { link: link.clone(), source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(refused)?;
        addresses.insert(link.clone(), listener.local_addr().map_err(refused)?);
        tasks.start("modbus face", |stop| async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = serve(listener, face) => {}
            }
        });
    }
    Ok(addresses)
}

async fn serve(listener: TcpListener, face: Arc<LinkFace>) {
    let link = face.link.clone();
    let on_connected = |stream: TcpStream, peer: SocketAddr| {
        let face = Arc::clone(&face);
        async move { accept_tcp_connection(stream, peer, move |_| Ok(Some(Arc::clone(&face)))) }
    };
    let on_error = {
        let link = link.clone();
        move |error: io::Error| tracing::debug!(%link, %error, "a poller has left")
    };
    if let Err(error) = Server::new(listener).serve(&on_connected, on_error).await {
        tracing::error!(%link, %error, "the Modbus face has ended");
    }
}

fn units_by_link(
    plant: &SimulatedPlant,
    machines: &LiveMachines,
) -> Result<BTreeMap<LinkId, BTreeMap<u8, Unit>>, FaceError> {
    let mut links: BTreeMap<LinkId, BTreeMap<u8, Unit>> = BTreeMap::new();
    for device in plant.site().devices() {
        for source in &device.device.sources {
            if let Some(unit) = unit_of(plant, machines, &device.device.id, source)? {
                let units = links.entry(source.link.clone()).or_default();
                units.insert(source.unit.unwrap_or(UNIT_DEFAULT), unit);
            }
        }
    }
    Ok(links)
}

fn unit_of(
    plant: &SimulatedPlant,
    machines: &LiveMachines,
    device: &DeviceId,
    source: &Source,
) -> Result<Option<Unit>, FaceError> {
    let is_tcp = plant.site().link(&source.link).is_some_and(|link| match link.via {
        Transport::Tcp { .. } => true,
        Transport::Csv {}
        | Transport::DialIn { .. }
        | Transport::Mqtt { .. }
        | Transport::Mtconnect { .. }
        | Transport::Shdr { .. }
        | Transport::Rtu { .. }
        | Transport::RtuOverTcp { .. } => false,
    });
    let (Some(template), Some(machine)) =
        (plant.site().template(&source.template), machines.one(device))
    else {
        return Ok(None);
    };
    if !is_tcp || template.modbus.is_none() {
        return Ok(None);
    }
    Ok(Some(Unit { map: RegisterMap::new(Arc::clone(template))?, machine }))
}

/// All units behind one address.
struct LinkFace {
    link: LinkId,
    units: BTreeMap<u8, Unit>,
}

struct Unit {
    map: RegisterMap,
    machine: LiveMachine,
}

impl LinkFace {
    fn answer(&self, unit: u8, request: &Request<'_>) -> Result<Response, ExceptionCode> {
        let Some(face) = self.units.get(&unit) else {
            return Err(ExceptionCode::GatewayTargetDevice);
        };
        match *request {
            Request::ReadCoils(address, count) => {
                face.bits(Table::Coil, address, count).map(Response::ReadCoils)
            }
            Request::ReadDiscreteInputs(address, count) => {
                face.bits(Table::Discrete, address, count).map(Response::ReadDiscreteInputs)
            }
            Request::ReadHoldingRegisters(address, count) => {
                face.registers(Table::Holding, address, count).map(Response::ReadHoldingRegisters)
            }
            Request::ReadInputRegisters(address, count) => {
                face.registers(Table::Input, address, count).map(Response::ReadInputRegisters)
            }
            ref other => {
                let (link, function) = (&self.link, other.function_code().value());
                tracing::warn!(%link, unit, function, "a request that only a writer makes was refused");
                Err(ExceptionCode::IllegalFunction)
            }
        }
    }
}

impl Service for LinkFace {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        ready(self.answer(request.slave, &request.request))
    }
}

impl Unit {
    fn registers(&self, table: Table, address: u16, count: u16) -> Result<Vec<u16>, ExceptionCode> {
        if !(1..=REGISTERS_MAX).contains(&count) {
            return Err(ExceptionCode::IllegalDataValue);
        }
        self.words(table, address, count)
    }

    fn bits(&self, table: Table, address: u16, count: u16) -> Result<Vec<bool>, ExceptionCode> {
        if !(1..=BITS_MAX).contains(&count) {
            return Err(ExceptionCode::IllegalDataValue);
        }
        Ok(self.words(table, address, count)?.into_iter().map(|it| it != 0).collect())
    }

    fn words(&self, table: Table, address: u16, count: u16) -> Result<Vec<u16>, ExceptionCode> {
        let machine = self.machine.now();
        let value_of =
            |point: &PointTemplate| Signal::of(&point.id).map_or(0.0, |it| machine.value(it));
        self.map.read(table, address, count, value_of).ok_or(ExceptionCode::IllegalDataAddress)
    }
}

/// Unit of a source that names none: what most devices with an address of their own answer to.
const UNIT_DEFAULT: u8 = 1;

/// Limits of the Modbus application protocol for one read.
const REGISTERS_MAX: u16 = 125;
const BITS_MAX: u16 = 2_000;
