//! What devices in trouble have in common: a gateway, a link, an area, a line, a class.
//!
//! A hint for people who face many tickets at once, nothing more: what most of them share and the rest
//! of the plant does not. Deliberately absent: which ticket belongs to which storm.

use std::collections::{BTreeMap, BTreeSet};

use super::plant::{Plant, PlantDevice};
use crate::id::DeviceId;

/// In what respect devices are alike.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Respect {
    /// The gateway that reads them.
    Agent,
    /// The serial line, gateway or broker that they hang on.
    Link,
    /// The hall or area.
    Area,
    /// The production line.
    ProductionLine,
    /// The class of machine.
    Class,
}

/// Something that most devices in trouble share.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shared {
    /// In what respect.
    pub respect: Respect,
    /// Its id or name.
    pub name: String,
    /// How many of the devices in trouble have it.
    pub in_trouble: usize,
    /// How many devices are in trouble.
    pub of: usize,
    /// How many devices of the whole plant have it.
    pub of_plant: usize,
}

/// What at least four fifths of the devices in trouble share, and clearly more of them than of the
/// plant; the most telling first. Nothing for fewer than three devices.
#[must_use]
pub fn shared(plant: &Plant, in_trouble: &BTreeSet<DeviceId>) -> Vec<Shared> {
    let known: Vec<&PlantDevice> =
        in_trouble.iter().filter_map(|it| plant.device(it)).map(AsRef::as_ref).collect();
    if known.len() < DEVICES_MIN {
        return Vec::new();
    }
    let everywhere = counted(plant.devices().map(AsRef::as_ref));
    let all = plant.devices().count();
    let mut found: Vec<Shared> = counted(known.iter().copied())
        .into_iter()
        .map(|((respect, name), in_trouble)| {
            let of_plant = everywhere.get(&(respect, name.clone())).copied().unwrap_or(in_trouble);
            Shared { respect, name, in_trouble, of: known.len(), of_plant }
        })
        .filter(|it| 4 * it.of <= 5 * it.in_trouble && 5 * it.of_plant <= 4 * all)
        .collect();
    // What few others have tells most; of two that tell as much, the nearer one stands first.
    found.sort_by_key(|it| (it.of_plant - it.in_trouble, it.respect));
    found
}

/// How many devices have each thing.
fn counted<'a>(
    devices: impl Iterator<Item = &'a PlantDevice>,
) -> BTreeMap<(Respect, String), usize> {
    let mut counts = BTreeMap::new();
    for device in devices {
        let of_device = &device.device;
        let mut things = BTreeSet::from([
            (Respect::Agent, of_device.agent.to_string()),
            (Respect::Area, of_device.area.clone()),
            (Respect::Class, of_device.class.clone()),
            (Respect::ProductionLine, of_device.production_line.clone()),
        ]);
        things.extend(of_device.sources.iter().map(|it| (Respect::Link, it.link.to_string())));
        for thing in things.into_iter().filter(|(_, name)| !name.is_empty()) {
            *counts.entry(thing).or_default() += 1;
        }
    }
    counts
}

/// Two machines have something in common by chance.
const DEVICES_MIN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"
schema = "forewarn.site/1"
[site]
id = "plant"
name = { en = "Plant", zh = "工厂" }
time_zone = "Asia/Shanghai"
"#;

    fn plant() -> Plant {
        let link = |id| format!("[[link]]\nid = \"{id}\"\nvia = {{ csv = {{}} }}\n");
        let device = |number: usize| {
            let (link, agent) = (if number < 6 { "east" } else { "west" }, number / 10);
            format!(
                "[[device]]\nid = \"press-{number}\"\nname = {{ en = \"P\", zh = \"P\" }}\n\
                 class = \"press\"\narea = \"A\"\nagent = \"edge-{agent}\"\n\
                 source = [{{ id = \"plc\", template = \"press\", link = \"{link}\" }}]\n"
            )
        };
        let mut parts = vec![HEAD.to_owned(), link("east"), link("west")];
        parts.extend((0..20).map(device));
        let template = r#"
schema = "forewarn.device/1"
[device]
id = "press"
vendor = "test"
model = "test"
kind = "machine.press"
title = { en = "Press", zh = "压力机" }
evidence = "unverified"
sources = ["tests"]
[csv]
interval = "1s"
[[point]]
id = "oil"
at = "csv:oil"
type = "number"
unit = "degC"
quantity = "temperature"
"#;
        let (site, template) = (toml::from_str(&parts.concat()), toml::from_str(template));
        Plant::new(site.expect("a site"), vec![template.expect("a template")]).expect("a plant")
    }

    fn of(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<DeviceId> {
        let device = |it| DeviceId::new(&format!("press-{it}")).expect("a slug");
        numbers.into_iter().map(device).collect()
    }

    #[test]
    fn the_thing_that_few_others_have_stands_first_and_what_all_have_is_left_out() {
        let found = shared(&plant(), &of(0..6));
        let told: Vec<_> = found.iter().map(|it| (it.respect, it.name.as_str())).collect();
        assert_eq!(told, [(Respect::Link, "east"), (Respect::Agent, "edge-0")]);
        assert_eq!((found[0].in_trouble, found[0].of, found[0].of_plant), (6, 6, 6));
    }

    #[test]
    fn one_stranger_among_many_does_not_hide_it_and_half_strangers_do() {
        let found = shared(&plant(), &of([0, 1, 2, 3, 4, 15]));
        assert_eq!(found.first().map(|it| it.name.as_str()), Some("east"));
        assert_eq!(shared(&plant(), &of([0, 1, 2, 12, 13, 14])), []);
        assert_eq!(shared(&plant(), &of([0, 1])), [], "two are too few");
    }
}
