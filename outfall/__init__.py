"""Find every outfall, sample it, trace it to who is responsible, and show the proof.

Everything a user needs is here and is imported when it is first used, so that ``import outfall`` stays light::

    import outfall as of

    network = of.read_network("rivers.gpkg", pipes="sewers.gpkg")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

_HOMES = {
    # tables and words
    "check": "outfall.tables",
    "contract": "outfall.tables",
    "contracts": "outfall.tables",
    "label": "outfall.vocabulary",
    # coordinates
    "bd09_to_wgs84": "outfall.coordinates",
    "choose_crs": "outfall.coordinates",
    "find_shift": "outfall.coordinates",
    "gcj02_to_wgs84": "outfall.coordinates",
    "wgs84_to_bd09": "outfall.coordinates",
    "wgs84_to_gcj02": "outfall.coordinates",
    # network
    "Network": "outfall.network",
    "as_of": "outfall.network",
    "boundary_inflows": "outfall.network",
    "build_network": "outfall.network",
    "describe_capabilities": "outfall.network",
    "find_bypasses": "outfall.network",
    "locate": "outfall.network",
    "read_inp": "outfall.network",
    "read_network": "outfall.network",
    "stream_orders": "outfall.network",
    "travel_times": "outfall.network",
    "upstream_probability": "outfall.network",
    "weigh_direction": "outfall.network",
    # survey
    "read_boat": "outfall.survey",
    "read_crawler": "outfall.survey",
    "read_drone": "outfall.survey",
    "read_ground": "outfall.survey",
    "read_inspections": "outfall.survey",
    "read_links": "outfall.survey",
    "read_photos": "outfall.camera",
    "read_radar_links": "outfall.survey",
    "read_returned": "outfall.survey",
    "read_thermal_flight": "outfall.survey",
    "read_tracer_links": "outfall.survey",
    "read_tracks": "outfall.survey",
    "match_pipes": "outfall.survey",
    "merge_frames": "outfall.survey",
    "write_cjj": "outfall.survey",
    "write_en13508": "outfall.survey",
    "write_isybau": "outfall.survey",
    "write_m150": "outfall.survey",
    "write_pacp": "outfall.survey",
    # coverage and completeness
    "bank_segments": "outfall.survey",
    "count_funnel": "outfall.survey",
    "detection_shares": "outfall.survey",
    "estimate_unfound": "outfall.survey",
    "find_coverage": "outfall.survey",
    "photo_footprints": "outfall.survey",
    "rank_banks": "outfall.survey",
    "sum_coverage": "outfall.survey",
    # registry
    "assign_codes": "outfall.registry",
    "check_codes": "outfall.registry",
    "compare_returned": "outfall.registry",
    "enter_returned": "outfall.registry",
    "list_doubtful": "outfall.registry",
    "merge_outfalls": "outfall.registry",
    "register": "outfall.registry",
    "split_outfall": "outfall.registry",
    "suggest_names": "outfall.registry",
    "undo_decision": "outfall.registry",
    # water and sources
    "read_limits": "outfall.water",
    "read_readings": "outfall.water",
    "read_results": "outfall.water",
    "read_samples": "outfall.water",
    "find_exceedances": "outfall.water",
    "read_sources": "outfall.sources",
    "average_readings": "outfall.water",
    "bottle_rules": "outfall.water",
    "check_holding": "outfall.water",
    "check_plausible": "outfall.water",
    "check_quality": "outfall.water",
    "draw_sites": "outfall.water",
    "equal_area_sites": "outfall.water",
    "find_brackets": "outfall.water",
    "find_trends": "outfall.water",
    "flag_results": "outfall.water",
    "list_bottles": "outfall.water",
    "plan_rules": "outfall.water",
    "plan_sampling": "outfall.water",
    "read_edd": "outfall.water",
    "read_wqx": "outfall.water",
    "summarise_results": "outfall.water",
    "write_plan": "outfall.water",
    "write_wqx": "outfall.water",
    # tracing
    "Trace": "outfall.tracing",
    "find_candidates": "outfall.tracing",
    "trace": "outfall.tracing",
    "add_shares": "outfall.tracing",
    "apportion": "outfall.tracing",
    "compare_series": "outfall.tracing",
    "find_hot_subbasins": "outfall.tracing",
    "find_passages": "outfall.tracing",
    "find_spill": "outfall.tracing",
    "find_spots": "outfall.tracing",
    "find_subbasins": "outfall.tracing",
    "find_undeclared": "outfall.tracing",
    "follow_paths": "outfall.tracing",
    "learn_samples": "outfall.tracing",
    "list_chances": "outfall.tracing",
    "list_doors": "outfall.tracing",
    "list_sets": "outfall.tracing",
    "mix_candidates": "outfall.tracing",
    "rank_samples": "outfall.tracing",
    "read_provenance": "outfall.tracing",
    "sensitivity": "outfall.tracing",
    "trace_basins": "outfall.tracing",
    "undeclared_clues": "outfall.tracing",
    "unmix": "outfall.tracing",
    "unmix_exactly": "outfall.tracing",
    "write_provenance": "outfall.tracing",
    # maps and reports
    "Layer": "outfall.maps",
    "Map": "outfall.maps",
    "draw": "outfall.maps",
    "bank_layer": "outfall.maps",
    "clue_layer": "outfall.maps",
    "inline": "outfall.maps",
    "open_basemap": "outfall.maps",
    "plot_map": "outfall.maps",
    "raster_layer": "outfall.maps",
    "sample_layer": "outfall.maps",
    "tianditu": "outfall.maps",
    "FieldPack": "outfall.reports",
    "inventory": "outfall.reports",
    "list_losses": "outfall.reports",
    "write_briefs": "outfall.reports",
    "write_field_pack": "outfall.reports",
    "write_inventory": "outfall.reports",
    # a town, a project, the whole chain
    "make_town": "outfall.simulate",
    "write_town": "outfall.simulate",
    "Project": "outfall.project",
    "run": "outfall.chain",
    # errors
    "OutfallError": "outfall.errors",
}

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 (names of other modules)
__version__ = "0.1.0"

if TYPE_CHECKING:
    from outfall.camera import read_photos
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
    from outfall.simulate import make_town, write_town
    from outfall.sources import read_sources
    from outfall.survey import (
        bank_segments,
        count_funnel,
        detection_shares,
        estimate_unfound,
        find_coverage,
        match_pipes,
        merge_frames,
        photo_footprints,
        rank_banks,
        read_boat,
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
