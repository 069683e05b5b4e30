//! `bimi` as a plugin, as a third party would ship it.

engine_plugin_api::export_check!(check_bimi::Bimi);
