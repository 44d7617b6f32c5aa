"""Find every outfall, sample it, trace it to who is responsible, and show the proof.

Everything a user needs is here and is imported when it is first used, so that ``import outfall`` stays light::

    import outfall as of

    network = of.read_network("rivers.gpkg", pipes="sewers.gpkg")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

# Every name a user needs, by the package it lives in.
_NAMES = {
    "outfall.tables": "check contract contracts",
    "outfall.vocabulary": "label",
    "outfall.coordinates": "bd09_to_wgs84 choose_crs find_shift gcj02_to_wgs84 wgs84_to_bd09 wgs84_to_gcj02",
    "outfall.network": (
        "as_of boundary_inflows build_network describe_capabilities find_bypasses locate Network read_inp "
        "read_network stream_orders travel_times upstream_probability weigh_direction"
    ),
    "outfall.camera": "index_photos read_photo_index read_photos",
    "outfall.survey": (
        "bank_segments calibrate_scores compare_boxes count_funnel detection_shares estimate_unfound "
        "find_coverage match_pipes merge_frames photo_footprints place_boxes place_on_mosaic rank_banks "
        "read_boat read_boxes read_crawler read_drone read_ground read_inspections read_links "
        "read_radar_links read_returned read_thermal_flight read_tracer_links read_tracks sight_boxes "
        "sum_coverage write_cjj write_en13508 write_isybau write_m150 write_pacp"
    ),
    "outfall.scenes": (
        "check_outfalls contrast_clues describe_scenes find_contrasts find_water index_zones list_holes "
        "open_orthomosaic open_scene zonal"
    ),
    "outfall.registry": (
        "assign_codes check_codes compare_returned enter_returned list_doubtful merge_outfalls register "
        "split_outfall suggest_names undo_decision"
    ),
    "outfall.water": (
        "average_readings bottle_rules check_holding check_plausible check_quality draw_sites "
        "equal_area_sites find_brackets find_exceedances find_trends flag_results list_bottles plan_rules "
        "plan_sampling read_edd read_limits read_readings read_results read_samples read_wqx "
        "summarise_results write_plan write_wqx"
    ),
    "outfall.sources": "read_sources",
    "outfall.tracing": (
        "add_shares apportion compare_series find_candidates find_hot_subbasins find_passages find_spill "
        "find_spots find_subbasins find_undeclared follow_paths learn_samples list_chances list_doors "
        "list_sets mix_candidates rank_samples read_provenance sensitivity Trace trace trace_basins "
        "undeclared_clues unmix unmix_exactly write_provenance"
    ),
    "outfall.maps": (
        "bank_layer clue_layer draw inline Layer Map open_basemap plot_map raster_layer sample_layer tianditu"
    ),
    "outfall.reports": "FieldPack inventory list_losses write_briefs write_field_pack write_inventory",
    "outfall.simulate": "make_town write_town",
    "outfall.project": "Project",
    "outfall.chain": "run",
    "outfall.errors": "OutfallError",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 (names of other modules)
__version__ = "0.1.0"

if TYPE_CHECKING:
    from outfall.camera import index_photos, read_photo_index, read_photos
    from outfall.chain import run
    from outfall.coordinates import bd09_to_wgs84, choose_crs, find_shift, gcj02_to_wgs84, wgs84_to_bd09, wgs84_to_gcj02
    from outfall.errors import OutfallError
    from outfall.maps import (
        Layer,
        Map,
        bank_layer,
        clue_layer,
        draw,
        inline,
        open_basemap,
        plot_map,
        raster_layer,
        sample_layer,
        tianditu,
    )
    from outfall.network import (
        Network,
        as_of,
        boundary_inflows,
        build_network,
        describe_capabilities,
        find_bypasses,
        locate,
        read_inp,
        read_network,
        stream_orders,
        travel_times,
        upstream_probability,
        weigh_direction,
    )
    from outfall.project import Project
    from outfall.registry import (
        assign_codes,
        check_codes,
        compare_returned,
        enter_returned,
        list_doubtful,
        merge_outfalls,
        register,
        split_outfall,
        suggest_names,
        undo_decision,
    )
    from outfall.reports import FieldPack, inventory, list_losses, write_briefs, write_field_pack, write_inventory  # type: ignore[no-redef]  # a module has the name too
    from outfall.scenes import (
        check_outfalls,
        contrast_clues,
        describe_scenes,
        find_contrasts,
        find_water,
        index_zones,
        list_holes,
        open_orthomosaic,
        open_scene,
        zonal,
    )
    from outfall.simulate import make_town, write_town
    from outfall.sources import read_sources
    from outfall.survey import (
        bank_segments,
        calibrate_scores,
        compare_boxes,
        count_funnel,
        detection_shares,
        estimate_unfound,
        find_coverage,
        match_pipes,
        merge_frames,
        photo_footprints,
        place_boxes,
        place_on_mosaic,
        rank_banks,
        read_boat,
        read_boxes,
        read_crawler,
        read_drone,
        read_ground,
        read_inspections,
        read_links,
        read_radar_links,
        read_returned,
        read_thermal_flight,
        read_tracer_links,
        read_tracks,
        sight_boxes,
        sum_coverage,
        write_cjj,
        write_en13508,
        write_isybau,
        write_m150,
        write_pacp,
    )
    from outfall.tables import check, contract, contracts
    from outfall.tracing import (
        Trace,
        add_shares,
        apportion,
        compare_series,
        find_candidates,
        find_hot_subbasins,
        find_passages,
        find_spill,
        find_spots,
        find_subbasins,
        find_undeclared,
        follow_paths,
        learn_samples,
        list_chances,
        list_doors,
        list_sets,
        mix_candidates,
        rank_samples,
        read_provenance,
        sensitivity,
        trace,
        trace_basins,
        undeclared_clues,
        unmix,
        unmix_exactly,
        write_provenance,
    )
    from outfall.vocabulary import label
    from outfall.water import (
        average_readings,
        bottle_rules,
        check_holding,
        check_plausible,
        check_quality,
        draw_sites,
        equal_area_sites,
        find_brackets,
        find_exceedances,
        find_trends,
        flag_results,
        list_bottles,
        plan_rules,
        plan_sampling,
        read_edd,
        read_limits,
        read_readings,
        read_results,
        read_samples,
        read_wqx,
        summarise_results,
        write_plan,
        write_wqx,
    )
else:

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            msg = f"module 'outfall' has no attribute {name!r}; dir(outfall) lists what it has"
            raise AttributeError(msg)
        value = getattr(import_module(home), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return list(__all__)
