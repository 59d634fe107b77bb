//! `forewarn serve`: the server of a real plant.

mod http;
mod settings;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use forewarn_api::Access;
use forewarn_domain::text::Localized;
use forewarn_domain::time::Time;
use forewarn_engine::Knowledge;
use forewarn_lifecycle::logging::{self, Format};
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_server::Setup;
use forewarn_server::witness::Witness;
use forewarn_store::records::Records;
use forewarn_store::records::audit::seal::Sealer;
use forewarn_wire::broker;
use forewarn_wire::mqtt::{ConnectOptions, Login};
use forewarn_wire::tls::Tls;
use tokio::net::TcpListener;

use crate::args::ServeOptions;
use crate::files;
use crate::output::{self, Failure};
use crate::stores::Stores;
use crate::{audit, retention, versions};
use http::Door;
use settings::BrokerChoice;
pub(crate) use settings::ServerFile;

/// Serves until a signal.
pub(crate) async fn run(options: &ServeOptions) -> Result<ExitCode, Failure> {
    logging::init(Format::Auto)?;
    let (file, home) = ServerFile::read(&options.config)?;
    let door = file.http.open(&home, options.insecure_lab)?;
    let tasks = Tasks::default();
    let outcome = serve((file, door), &home, options.insecure_lab, &tasks).await;
    tasks.stop(GRACE).await?;
    outcome
}

async fn serve(
    (file, door): (ServerFile, Door),
    home: &Path,
    is_lab: bool,
    tasks: &Tasks,
) -> Result<ExitCode, Failure> {
    let clock = Clock::system();
    let data_dir = home.join(&file.data_dir);
    let stores = Stores::open(&data_dir, Some(&file.readings)).await?;
    let now = Time::from_micros(clock.now_us());
    let described = versions::in_force(&stores.records, file.described(home)?, now).await?;
    let (plant, rules) = described.check()?;
    let models = file.models.as_ref().map(|path| home.join(path));
    let knowledge = Knowledge { rules, ..files::knowledge(None, models.as_deref())? };
    let retention = retention::policy(&plant, &file.retention)?;
    let messages = file.messages.open(home, &plant.site.time_zone)?;
    let records = match messages.outlets.is_empty() {
        true => stores.records,
        false => stores.records.with_routes(forewarn_server::routes(&messages, &plant)),
    };
    let token = first_token(&records, now).await?;
    let sealer = Sealer::open(&data_dir.join(audit::KEY_FILE))?;
    let trail = Witness {
        records: records.clone(),
        sealer,
        copy: data_dir.join(audit::CHECKPOINTS_FILE),
        clock: clock.clone(),
    };
    tasks.start("audit", |stop| trail.run(stop));
    let listener = TcpListener::bind(door.listen).await?;
    let scheme = door.scheme();
    let setup = Setup {
        plant: Arc::new(plant),
        knowledge,
        rules_text: described.rules.text,
        readings: stores.readings,
        records,
        files: stores.files,
        retention,
        broker: broker_options(&file.broker, home)?,
        channels: messages.outlets,
        access: Access::Accounts(door.transport),
        listener,
        clock,
        notices: lab_notice(is_lab),
        history: None,
    };
    let running = forewarn_server::start_with_tls(setup, door.certificate, tasks).await?;
    output::remark(&format!("Forewarn serves {scheme}://{}", running.http));
    if let Some(token) = token {
        output::remark(&format!(
            "There is no admin yet. Setup token for the first one, shown this once, good for half an \
             hour (a restart makes another): {token}"
        ));
    }
    let ended = tasks.run_until_signal().await?;
    tracing::info!(?ended, "the server stops");
    Ok(ExitCode::SUCCESS)
}

fn broker_options(choice: &BrokerChoice, home: &Path) -> Result<ConnectOptions, Failure> {
    match choice {
        BrokerChoice::Embedded { listen } => {
            let broker = broker::start(*listen)?;
            let (host, port) = (broker.address.ip().to_string(), broker.address.port());
            Ok(ConnectOptions::new(host, port, CLIENT_ID))
        }
        BrokerChoice::External { host, port, user, password_file, ca_file } => {
            let mut options = ConnectOptions::new(host, *port, CLIENT_ID);
            if let (Some(user), Some(path)) = (user, password_file) {
                let password = std::fs::read_to_string(home.join(path))
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                let password = password.trim_end().to_owned();
                options.login = Some(Login { user: user.clone(), password });
            }
            if let Some(path) = ca_file {
                let ca_pem = std::fs::read(home.join(path))
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                options.tls = Some(Tls { ca_pem, client: None });
            }
            Ok(options)
        }
    }
}

/// A token for the first admin, while there is none: without either nobody could come in.
async fn first_token(records: &Records, now: Time) -> Result<Option<String>, Failure> {
    if records.has_admin().await? {
        return Ok(None);
    }
    let token = setup_token()?;
    records.set_setup_token(&token, now).await?;
    Ok(Some(token))
}

/// 160 random bits as hexadecimal digits.
fn setup_token() -> Result<String, Failure> {
    use std::io::Read as _;
    let mut bits = [0_u8; 20];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bits)?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn lab_notice(is_lab: bool) -> Vec<Localized> {
    let notice = Localized::new(
        "this server runs without encryption (--insecure-lab); never in a plant",
        "本服务器未加密运行（--insecure-lab），禁止用于生产现场",
    );
    if is_lab { vec![notice] } else { Vec::new() }
}

const CLIENT_ID: &str = "forewarn-server";

const GRACE: Duration = Duration::from_secs(10);
