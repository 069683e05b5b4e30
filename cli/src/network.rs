//! How the network is reached: from the arguments, the configuration, and the
//! lab or route file that stands in for it.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, time::Duration};

use engine_core::{
    config::{Config, NetConfig, parse_duration, parse_resolver},
    net::{NetOptions, Routes, dns::system_resolvers, tls::read_roots},
    session::Network,
};
use engine_lab::{Lab, World};
use tokio::sync::watch;

use crate::{args::Reach, complaint::Complaint, exit::Exit};

/// The longest that a greeting may be waited for (RFC 5321 §4.5.3.2.1).
const LONGEST_GREETING: Duration = Duration::from_secs(300);

/// What is left to sessions, once the work is done, to say QUIT.
const FAREWELL: Duration = Duration::from_millis(500);

/// Does `work` on the network that the arguments ask for, with the lab of
/// `world` started where there is one. `work` is also given what turns true at
/// the first Ctrl-C; the second ends the program.
pub fn during<T>(
    reach: &Reach,
    config: &Config,
    world: Option<&World>,
    work: impl AsyncFnOnce(&Network, watch::Receiver<bool>) -> Result<T, Complaint>,
) -> Result<T, Complaint> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let done = runtime.block_on(async {
        let lab = match world {
            Some(world) => Some(Lab::start(world).await.map_err(Complaint::new)?),
            None => None,
        };
        let (options, instead) = options(reach, config, lab.as_ref())?;
        let network = Network::new(&options, instead);
        let (stop, interrupt) = watch::channel(false);
        tokio::spawn(on_ctrl_c(stop));
        work(&network, interrupt).await
    });
    runtime.shutdown_timeout(FAREWELL);
    done
}

async fn on_ctrl_c(stop: watch::Sender<bool>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        stop.send_replace(true);
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
    }
}

/// The options of a live run and, where something stands in for the network, its name.
fn options(run: &Reach, config: &Config, lab: Option<&Lab>) -> Result<(NetOptions, Option<String>), Complaint> {
    let (whole, config) = (config, &config.net);
    let mut options = match lab {
        Some(lab) => lab_options(lab),
        None => NetOptions {
            ehlo: gethostname::gethostname().to_string_lossy().into_owned(),
            ..NetOptions::new(resolvers(run, config)?)
        },
    };
    let duration = |text: &Option<String>, into: &mut Duration| -> Result<(), Complaint> {
        if let Some(text) = text {
            *into = parse_duration(text).map_err(Complaint::new)?;
        }
        Ok(())
    };
    duration(&config.dns_timeout, &mut options.dns_timeout)?;
    duration(&config.connect_timeout, &mut options.connect_timeout)?;
    duration(&config.greeting_timeout, &mut options.greeting_timeout)?;
    duration(&config.reply_timeout, &mut options.reply_timeout)?;
    options.greeting_timeout = options.greeting_timeout.min(LONGEST_GREETING);
    options.allow_private = config.allow_private;
    options.trust_resolver = config.trust_resolver;
    options.source = run.source.or(config.source);
    for (index, file) in whole.root_files().iter().enumerate() {
        let roots = read_roots(file)
            .map_err(|error| Complaint::new(error).in_config(whole, &["net", "roots", &index.to_string()]))?;
        options.extra_roots.extend(roots);
        options.extra_root_files.push(file.display().to_string());
    }
    if let Some(ehlo) = &run.ehlo {
        options.ehlo = crate::target::domain(ehlo)?;
    } else if let Some(ehlo) = &config.ehlo {
        options.ehlo = crate::target::domain(ehlo).map_err(|wrong| wrong.in_config(whole, &["net", "ehlo"]))?;
    }
    let mut instead = lab.map(|_| match run.lab.as_deref() {
        None | Some("") => "the shipped lab".to_owned(),
        Some(file) => format!("the lab of {file}"),
    });
    if let Some(file) = &run.route {
        let routes = read_routes(file)?;
        for resolver in &options.resolvers {
            routes.lead_to_resolver(*resolver).map_err(|error| {
                Complaint::new(format!("the resolver {resolver} cannot be asked: {error}"))
                    .hint("name one on this machine with --resolver, for example 127.0.0.1:5353")
            })?;
        }
        options.routes = Some(routes);
        instead = Some(format!("the routes of {}", file.display()));
    }
    Ok((options, instead))
}

/// The options of a run over `lab`. Time-outs are short: nothing there is slow unless it is meant to be.
fn lab_options(lab: &Lab) -> NetOptions {
    NetOptions {
        dns_timeout: Duration::from_secs(2),
        connect_timeout: Duration::from_secs(3),
        greeting_timeout: Duration::from_secs(10),
        reply_timeout: Duration::from_secs(5),
        routes: Some(Routes { map: lab.routes().into_iter().collect() }),
        extra_roots: vec![lab.root_certificate()],
        ehlo: "probe.example".to_owned(),
        ..NetOptions::new(vec![lab.resolver()])
    }
}

/// Reads a world; the shipped one for an empty name.
pub fn world(file: &str) -> Result<World, Complaint> {
    if file.is_empty() {
        return Ok(World::shipped());
    }
    let text = std::fs::read_to_string(file)
        .map_err(|error| Complaint::new(format!("could not read the scenario {file}: {error}")))?;
    World::parse(&text).map_err(|error| Complaint::new(format!("{file}: {error}")))
}

fn resolvers(run: &Reach, config: &NetConfig) -> Result<Vec<SocketAddr>, Complaint> {
    let given = if run.resolver.is_empty() { &config.resolvers } else { &run.resolver };
    if given.is_empty() {
        return system_resolvers().map_err(|error| Complaint::new(&error).hint(error.hint()));
    }
    given.iter().map(|text| resolver(text)).collect()
}

fn resolver(text: &str) -> Result<SocketAddr, Complaint> {
    parse_resolver(text).map_err(Complaint::new)
}

fn read_routes(file: &Path) -> Result<Routes, Complaint> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Complaint::new(format!("could not read the routes {shown}: {error}")))?;
    let mut map = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        let wrong = || Complaint::new(format!("{shown}:{}: expected `public-ip:port loopback-ip:port`", index + 1));
        match words.as_slice() {
            [] => {}
            [from, to] => {
                let (from, to): (SocketAddr, SocketAddr) =
                    (from.parse().map_err(|_| wrong())?, to.parse().map_err(|_| wrong())?);
                if !to.ip().is_loopback() {
                    return Err(wrong().hint(format!("{to} is no loopback address")));
                }
                map.insert(from, to);
            }
            _ => return Err(wrong()),
        }
    }
    if map.is_empty() {
        return Err(Complaint::new(format!("{shown} holds no route")));
    }
    Ok(Routes { map })
}

/// The routes of `lab` in the form that [`options`] reads.
pub fn routes_text(lab: &Lab) -> String {
    lab.routes().iter().map(|(from, to)| format!("{from} {to}\n")).collect()
}
