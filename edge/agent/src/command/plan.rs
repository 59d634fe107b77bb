//! `forewarn-edge plan`: the requests of each source, and how many a minute its line carries.

use std::io::Write;

use forewarn_agent::AgentConfig;
use forewarn_agent::plan;
use forewarn_agent::run::sources_by_link;
use serde_json::json;

use super::{Failure, Outcome};

pub(super) fn print(
    config: &AgentConfig,
    is_json: bool,
    out: &mut impl Write,
) -> Result<Outcome, Failure> {
    for (link, sources) in sources_by_link(config) {
        for source in sources {
            let groups = plan::plan(&source.template)?;
            let requests: usize = groups.iter().map(|it| it.reads.len()).sum();
            let points: usize =
                groups.iter().flat_map(|it| &it.reads).map(|it| it.points.len()).sum();
            if is_json {
                let reads: Vec<_> = groups
                    .iter()
                    .map(|it| json!({"group": it.group.id, "every": it.group.every, "reads": it.reads}))
                    .collect();
                let line = json!({
                    "type": "plan", "link": link, "device": source.device, "source": source.id(),
                    "template": source.template.device.id, "requests": requests,
                    "points": points, "groups": reads,
                });
                writeln!(out, "{line}")?;
                continue;
            }
            let (device, id) = (&source.device, source.id());
            writeln!(out, "{device}/{id} on {link}: {requests} requests for {points} points")?;
            for group in &groups {
                for read in &group.reads {
                    let names: Vec<&str> = read
                        .points
                        .iter()
                        .filter_map(|it| source.template.points.get(it.point))
                        .map(|it| it.id.as_str())
                        .collect();
                    writeln!(
                        out,
                        "  every {:>6}  function {}  from {:>5}  count {:>3}  {}",
                        group.group.every.to_string(),
                        read.function(),
                        read.address,
                        read.count,
                        names.join(", "),
                    )?;
                }
            }
        }
    }
    Ok(Outcome::Ran)
}
