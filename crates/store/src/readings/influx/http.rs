//! The requests: lines written, samples and summaries read back.
//!
//! Every request has a time limit and no retry of its own. The agent sends again what was not
//! acknowledged, which is the only retry that is needed.

use std::io::Write as _;
use std::time::Duration;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::time::Time;
use reqwest::{Client, RequestBuilder};

use super::InfluxServer;
use super::answer;
use super::line::MEASUREMENT;
use crate::readings::error::{ServerError, StoreError};
use crate::readings::sample::{Axis, Bucket, Sample};

/// An HTTP client that knows its server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    client: Client,
    url: String,
    kind: InfluxServer,
}

impl Server {
    pub(crate) fn new(url: &str, kind: InfluxServer) -> Result<Self, StoreError> {
        let url = url.trim_end_matches('/').to_owned();
        // Who came first does not matter: all of our processes install the same provider.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder().timeout(REQUEST_TAKES_AT_MOST).build();
        match client {
            Ok(client) => Ok(Self { client, url, kind }),
            Err(error) => Err(StoreError::Server { url, source: error.into() }),
        }
    }

    /// Writes lines; a success says that the server took them, not that it understood them, which
    /// is why they were checked before.
    pub(crate) async fn write(&self, lines: String) -> Result<(), StoreError> {
        #[cfg(feature = "influxdb2")]
        if let InfluxServer::Influx2 { org, bucket, token } = &self.kind {
            return self.write_by_crate(org, bucket, token.reveal(), lines).await;
        }
        let url = &self.url;
        let request = match &self.kind {
            InfluxServer::Influx1 { database, .. } => {
                self.client.post(format!("{url}/write?db={}", escaped(database)))
            }
            InfluxServer::Influx2 { org, bucket, .. } => {
                let (org, bucket) = (escaped(org), escaped(bucket));
                self.client.post(format!("{url}/api/v2/write?org={org}&bucket={bucket}"))
            }
            InfluxServer::VictoriaMetrics => self.client.post(format!("{url}/api/v2/write")),
        };
        let request = match zipped(&lines) {
            Ok(zipped) => request.header("content-encoding", "gzip").body(zipped),
            // Memory is a writer that does not fail; if it does, plain text is right as well.
            Err(_unzipped) => request.body(lines),
        };
        self.send(request).await.map(drop)
    }

    #[cfg(feature = "influxdb2")]
    async fn write_by_crate(
        &self,
        org: &str,
        bucket: &str,
        token: &str,
        lines: String,
    ) -> Result<(), StoreError> {
        let client = influxdb2::Client::new(&self.url, org, token);
        let written = client.write_line_protocol(org, bucket, lines).await;
        written.map_err(|error| self.failed(ServerError::Answer { text: error.to_string() }))
    }

    pub(crate) async fn range(
        &self,
        channel: &ChannelId,
        from: Time,
        to: Time,
        limit: usize,
    ) -> Result<Vec<Sample>, StoreError> {
        let samples = if let InfluxServer::VictoriaMetrics = self.kind {
            let matching = format!("{{__name__=~\"{MEASUREMENT}_.+\",channel=\"{channel}\"}}");
            // The server counts both ends and whole milliseconds; the exact ends are cut below.
            let (start, end) = (seconds(from.micros()), seconds(to.micros()));
            let path = format!(
                "/api/v1/export?match[]={}&start={start}&end={end}&reduce_mem_usage=1",
                escaped(&matching)
            );
            answer::exported(&self.get(&path).await?)
        } else {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let question = format!(
                "SELECT \"value\", \"bad_value\", \"quality\", \"late\" FROM \"{MEASUREMENT}\" \
                 WHERE \"channel\" = '{channel}' AND {} ORDER BY time LIMIT {limit}",
                time_range(from.micros(), to.micros())
            );
            answer::selected(&self.ask(&question).await?)
        };
        let mut samples = samples.map_err(|error| self.failed(error))?;
        samples.retain(|sample| from <= sample.t && sample.t < to);
        samples.truncate(limit);
        Ok(samples)
    }

    pub(crate) async fn buckets(
        &self,
        channel: &ChannelId,
        axis: &Axis,
    ) -> Result<Vec<Bucket>, StoreError> {
        let summaries = if let InfluxServer::VictoriaMetrics = self.kind {
            let path = format!(
                "/api/v1/query_range?query={}&start={}&end={}&step={}ms&nocache=1",
                escaped(&rollups_of(channel, axis)),
                // A window ends with its time and excludes its beginning, hence the millisecond.
                seconds(axis.from + axis.width - 1_000),
                seconds(axis.to + axis.width - 2_000),
                milliseconds(axis.width)
            );
            answer::rolled_up(&self.get(&path).await?, axis)
        } else {
            let question = format!(
                "SELECT COUNT(\"value\"), MIN(\"value\"), MAX(\"value\"), SUM(\"value\"), \
                 COUNT(\"quality\") FROM \"{MEASUREMENT}\" WHERE \"channel\" = '{channel}' \
                 AND {} GROUP BY time({}u, {}u) fill(none)",
                time_range(axis.from, axis.to),
                axis.width,
                axis.from.rem_euclid(axis.width)
            );
            answer::grouped(&self.ask(&question).await?, axis)
        };
        summaries.map(|it| axis.buckets(&it)).map_err(|error| self.failed(error))
    }

    /// Asks a server that holds new points back for a moment to show them.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        match &self.kind {
            InfluxServer::VictoriaMetrics => self.get("/internal/force_flush").await.map(drop),
            InfluxServer::Influx1 { .. } | InfluxServer::Influx2 { .. } => Ok(()),
        }
    }

    async fn ask(&self, question: &str) -> Result<String, StoreError> {
        let database = match &self.kind {
            InfluxServer::Influx1 { database, .. } => database,
            InfluxServer::Influx2 { bucket, .. } => bucket,
            InfluxServer::VictoriaMetrics => "",
        };
        let (database, question) = (escaped(database), escaped(question));
        self.get(&format!("/query?db={database}&epoch=u&q={question}")).await
    }

    async fn get(&self, path: &str) -> Result<String, StoreError> {
        self.send(self.client.get(format!("{}{path}", self.url))).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<String, StoreError> {
        let request = match &self.kind {
            InfluxServer::Influx1 { login: Some(login), .. } => {
                request.basic_auth(&login.user, Some(login.password.reveal()))
            }
            InfluxServer::Influx2 { token, .. } => {
                request.header("authorization", format!("Token {}", token.reveal()))
            }
            InfluxServer::Influx1 { login: None, .. } | InfluxServer::VictoriaMetrics => request,
        };
        let answered = async {
            let response = request.send().await?;
            let status = response.status();
            let mut text = response.text().await?;
            if !status.is_success() {
                text.truncate(text.floor_char_boundary(REFUSAL_SHOWN_MAX));
                return Err(ServerError::Refused { status: status.as_u16(), text });
            }
            Ok(text)
        };
        answered.await.map_err(|error| self.failed(error))
    }

    fn failed(&self, source: ServerError) -> StoreError {
        StoreError::Server { url: self.url.clone(), source }
    }
}

/// One `MetricsQL` question for all figures, each under a label of its own.
fn rollups_of(channel: &ChannelId, axis: &Axis) -> String {
    let window = milliseconds(axis.width);
    let figure = |function: &str, field: &str, name: &str| {
        format!(
            "label_set({function}_over_time({MEASUREMENT}_{field}{{channel=\"{channel}\"}}\
             [{window}ms]), \"figure\", \"{name}\")"
        )
    };
    let figures = [
        figure("count", "value", "n"),
        figure("min", "value", "min"),
        figure("max", "value", "max"),
        figure("sum", "value", "sum"),
        figure("count", "quality", "all"),
    ];
    format!("union({})", figures.join(", "))
}

fn time_range(from: i64, to: i64) -> String {
    let within = |t: i64| t.clamp(-CALENDAR_US, CALENDAR_US);
    format!("time >= {}u AND time < {}u", within(from), within(to))
}

/// Microseconds as the seconds of a Prometheus API, cut to milliseconds.
fn seconds(micros: i64) -> String {
    let millis = micros.clamp(0, CALENDAR_US).div_euclid(1_000);
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

fn milliseconds(micros: i64) -> i64 {
    (micros / 1_000).max(1)
}

fn zipped(lines: &str) -> Result<Vec<u8>, std::io::Error> {
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zip.write_all(lines.as_bytes())?;
    zip.finish()
}

/// Percent-encodes all but letters that no URL gives a meaning.
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("a string takes whatever is written");
        }
    }
    escaped
}

/// A year of a channel takes seconds on a slow server; the agents wait meanwhile.
const REQUEST_TAKES_AT_MOST: Duration = Duration::from_secs(30);

/// The first sentence of a refusal tells the reason.
const REFUSAL_SHOWN_MAX: usize = 300;

/// InfluxDB counts nanoseconds in 64 bits, which end in the year 2262.
const CALENDAR_US: i64 = 9_000_000_000_000_000;
