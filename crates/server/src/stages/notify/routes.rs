//! The table of who is told what, joined with the plant: a device brings its class, area and line.

use forewarn_domain::site::plant::Plant;
use forewarn_notify::Messages;
use forewarn_notify::route::{About, channels};
use forewarn_store::records::Routes;

/// The routes of the configuration for a records store.
#[must_use]
pub fn routes(messages: &Messages, plant: &Plant) -> Routes {
    let (table, zone, plant) = (messages.routes.clone(), messages.zone, plant.clone());
    Routes::new(move |addressed| {
        let device = plant.device(addressed.device).map(|it| &it.device);
        let about = About {
            event: addressed.event,
            priority: addressed.priority,
            device: addressed.device,
            class: device.map_or("", |it| it.class.as_str()),
            area: device.map_or("", |it| it.area.as_str()),
            production_line: device.map_or("", |it| it.production_line.as_str()),
            family: addressed.family,
            at: addressed.at,
        };
        channels(&table, &about, zone).into_iter().collect()
    })
}
