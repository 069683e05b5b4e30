//! `engine lab`.

use std::time::Duration;

use engine_core::shell_word;
use engine_lab::{Lab as World, LabOptions};

use super::list::row;
use crate::{args::Lab, complaint::Complaint, exit::Exit, network, output::print};

/// Starts the embedded world and keeps it up until Ctrl-C.
pub fn lab(arguments: &Lab) -> Result<Exit, Complaint> {
    let file = arguments.scenario.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let world = network::world(&file)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let options = LabOptions { round_trip: Duration::from_millis(arguments.round_trip) };
        let lab = World::start_with(&world, options).await.map_err(Complaint::new)?;
        let resolver = lab.resolver();
        let mut text = format!(
            "The lab is up until Ctrl-C; nothing of it leaves this machine.\n\nA resolver for all its names, over UDP and TCP:\n  dig @{} -p {} MX {}\n",
            resolver.ip(),
            resolver.port(),
            world.domain.first().map_or("NAME", |domain| &domain.name)
        );
        text.push_str("\nIts servers, by the public address that they stand for:\n");
        for (from, to) in lab.routes() {
            text.push_str(&format!("  {from} is {to}\n"));
        }
        if let Some(path) = &arguments.route {
            std::fs::write(path, network::routes_text(&lab)).map_err(|error| Complaint::new(format!("could not write {}: {error}", path.display())))?;
            text.push_str(&format!("\nAnother engine can use it:\n  engine run --resolver {resolver} --route {} DOMAIN\n", shell_word(&path.display().to_string())));
        }
        text.push_str(&format!("\nIts domains:\n{}", domains(&world)));
        print(&text)?;
        tokio::signal::ctrl_c().await?;
        lab.stop().await;
        Ok(Exit::Good)
    })
}

/// The domains that a world offers, one a line, with what to add to the command.
pub fn domains(world: &engine_lab::World) -> String {
    let with_options = |domain: &engine_lab::Domain| {
        if domain.options.is_empty() {
            return domain.about.clone();
        }
        let words: Vec<String> = domain.options.iter().map(|word| shell_word(word)).collect();
        format!("{} (add: {})", domain.about, words.join(" "))
    };
    let width = world.domain.iter().map(|domain| domain.name.len()).max().unwrap_or(0);
    world.domain.iter().map(|domain| row(&domain.name, width, &with_options(domain))).collect()
}
