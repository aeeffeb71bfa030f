//! The pool compared with other libraries.

mod chains;
mod computing;
mod forks;
mod maps;
mod peers;
mod scopes;
mod shapes;
mod sorts;
mod waiting;

use std::error::Error;

use crate::setting::Setting;
use crate::table::Table;

type Part = (&'static str, fn(&mut Table));

pub(crate) fn run(only: Option<&str>, setting: &Setting) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(setting);
    let parts: [Part; 8] = [
        ("forks", forks::run),
        ("computing", computing::run),
        ("scopes", scopes::run),
        ("shapes", shapes::run),
        ("maps", maps::run),
        ("sorts", sorts::run),
        ("chains", chains::run),
        ("waiting", waiting::run),
    ];
    if let Some(only) = only
        && parts.iter().all(|(name, _)| *name != only)
    {
        let names = parts.map(|(name, _)| name).join(", ");
        return Err(format!("the pool has no part `{only}`, but {names}").into());
    }
    for (name, part) in parts {
        if only.is_none_or(|only| only == name) {
            part(&mut table);
        }
    }
    table.write(only.unwrap_or("pool"))?;
    Ok(table)
}
