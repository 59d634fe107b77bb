//! Contradictions in a template that the types alone cannot exclude.

use std::collections::BTreeSet;

use super::{
    DeviceTemplate, PointAddress, PointTemplate, PointType, SCHEMA, Sentinel, Table, TemplateError,
    Transform,
};

impl DeviceTemplate {
    /// Finds contradictions that the types alone cannot exclude.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] names the template, the point and the remedy.
    pub fn check(&self) -> Result<(), TemplateError> {
        self.check_head()
            .and_then(|()| self.check_names())
            .and_then(|()| self.points.iter().try_for_each(|point| self.check_point(point)))
            .and_then(|()| self.check_selftests())
            .map_err(|what| TemplateError { template: self.device.id.clone(), what })
    }

    /// Whether the kind is one that a library of templates may hold.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] with the words with which a kind begins.
    pub fn check_kind(&self) -> Result<(), TemplateError> {
        let first = self.device.kind.split('.').next().unwrap_or_default();
        if KINDS.contains(&first) {
            return Ok(());
        }
        let what = format!("kind `{}` begins with none of {}", self.device.kind, KINDS.join(", "));
        Err(TemplateError { template: self.device.id.clone(), what })
    }

    fn check_head(&self) -> Result<(), String> {
        if self.schema != SCHEMA {
            return Err(format!("schema is `{}`; `{SCHEMA}` is expected", self.schema));
        }
        if self.device.sources.is_empty() {
            return Err("`sources` is empty; say where the map comes from".to_owned());
        }
        if let Some(modbus) = &self.modbus {
            let (registers, bits) = (modbus.max_registers, modbus.max_bits);
            if !(1..=125).contains(&registers) || !(1..=2_000).contains(&bits) {
                return Err("`max_registers` must be 1 to 125, `max_bits` 1 to 2000".to_owned());
            }
        }
        let serial = self.modbus.as_ref().and_then(|it| it.serial);
        if serial.is_some_and(|it| !(1..=2).contains(&it.stop) || it.baud == 0) {
            return Err("`serial` has a baud of zero, or neither 1 nor 2 stop bits".to_owned());
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        let points = self.points.iter().map(|it| &it.id);
        for id in points.chain(self.waveforms.iter().map(|it| &it.id)) {
            if !seen.insert(id) {
                return Err(format!("point `{id}` stands twice"));
            }
        }
        let mut seen = BTreeSet::new();
        match self.groups.iter().find(|it| !seen.insert(&it.id)) {
            Some(group) => Err(format!("group `{}` stands twice", group.id)),
            None => Ok(()),
        }
    }

    fn check_point(&self, point: &PointTemplate) -> Result<(), String> {
        let id = &point.id;
        if let Some(group) = &point.group
            && !self.groups.iter().any(|it| it.id == *group)
        {
            return Err(format!("point `{id}` is in group `{group}`, which is not declared"));
        }
        if !point.scale.is_finite() || point.scale == 0.0 || !point.offset.is_finite() {
            return Err(format!("point `{id}` has a scale of zero or not a number"));
        }
        if point.at.is_modbus() && self.modbus.is_none() {
            return Err(format!("point `{id}` is on Modbus, but there is no [modbus]"));
        }
        check_encoding(point)?;
        check_limits(point)?;
        if let Some(Transform::DivByPoint(other)) = &point.transform
            && !self.points.iter().any(|it| it.id == *other && it.group == point.group)
        {
            return Err(format!("point `{id}` is divided by `{other}`, which is not in its group"));
        }
        Ok(())
    }

    fn check_selftests(&self) -> Result<(), String> {
        for selftest in &self.selftests {
            let is_known = |name: &&String| self.points.iter().any(|it| it.id.as_str() == *name);
            if let Some(name) = selftest.expr.names().iter().find(|name| !is_known(name)) {
                let text = selftest.expr.text();
                return Err(format!("self-test `{text}` speaks of `{name}`, which is no point"));
            }
        }
        Ok(())
    }
}

fn check_encoding(point: &PointTemplate) -> Result<(), String> {
    let id = &point.id;
    match (&point.at, point.kind) {
        (PointAddress::Modbus { table: Table::Coil | Table::Discrete, .. }, kind)
            if kind != PointType::Bool =>
        {
            Err(format!("point `{id}` is a single bit; its type can only be bool"))
        }
        (PointAddress::Modbus { bit: Some(_), .. }, kind) if kind != PointType::Bool => {
            Err(format!("point `{id}` is one bit of a register; its type can only be bool"))
        }
        (PointAddress::Modbus { .. }, PointType::Number | PointType::Text) => {
            Err(format!("point `{id}` is on Modbus; number and text belong to JSON and CSV"))
        }
        (PointAddress::Modbus { .. }, PointType::String) if point.len.unwrap_or(0) == 0 => {
            Err(format!("point `{id}` is a string without `len`"))
        }
        _ => Ok(()),
    }
}

fn check_limits(point: &PointTemplate) -> Result<(), String> {
    let id = &point.id;
    let is_rising = |pair: [f64; 2]| pair[0] < pair[1];
    if !point.range.is_none_or(is_rising) || !point.band_hz.is_none_or(is_rising) {
        return Err(format!("point `{id}` has a range or band_hz that does not rise"));
    }
    if !point.rate_max.is_none_or(|rate| 0.0 < rate) {
        return Err(format!("point `{id}` has a rate_max that is not above zero"));
    }
    for sentinel in &point.sentinel {
        if let Sentinel::Word(word) = sentinel
            && word != "nan"
        {
            return Err(format!("point `{id}`: sentinel `{word}` is neither a number nor `nan`"));
        }
    }
    let bits_max = 16 * usize::from(point.kind.registers().max(1));
    for key in point.bits.keys() {
        if !key.parse::<usize>().is_ok_and(|bit| bit < bits_max) {
            return Err(format!("point `{id}`: bit `{key}` is not one of 0 to {}", bits_max - 1));
        }
    }
    Ok(())
}

/// With what a kind begins; the rest of it is free.
const KINDS: [&str; 7] = ["controller", "drive", "gateway", "machine", "meter", "plc", "sensor"];
