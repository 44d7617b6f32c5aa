"""The lines of evidence: each a small function that judges candidates by one kind of knowledge, and says why."""

from outfall.tracing.lines.chemistry import judge_permit, judge_signature
from outfall.tracing.lines.clues import judge_clues
from outfall.tracing.lines.facts import judge_links, judge_operation
from outfall.tracing.lines.fingerprint import judge_fingerprint
from outfall.tracing.lines.flow_chart import judge_flow_chart
from outfall.tracing.lines.plume import judge_plume
from outfall.tracing.lines.registry import Context, Line, judge_all
from outfall.tracing.lines.route import judge_distance, judge_load, judge_reachability
from outfall.tracing.lines.timing import judge_time

__all__ = ["LINES", "Context", "Line", "judge_all"]

LINES: dict[str, Line] = {
    line.name: line
    for line in (
        Line(
            "reachability",
            "可达性",
            "reachability",
            "whether its water can come out here, over uncertain places, flow directions and private pipes",
            "其排水能否由此排出（位置、流向与私设管均不确定）",
            judge_reachability,
        ),
        Line(
            "distance",
            "沿程衰减",
            "distance",
            "how far its water runs in pipes, beside the other candidates",
            "与其他候选相比的管程远近",
            judge_distance,
        ),
        Line(
            "load",
            "水量匹配",
            "load",
            "whether its permitted discharge fits the flow of the outfall",
            "许可排水量与排口流量是否相符",
            judge_load,
        ),
        Line(
            "chemical_signature",
            "水质指纹",
            "chemical signature",
            "whether the water of the outfall is like the source's, diluted by an unknown amount",
            "排口水质与该源水质（稀释倍数未知）是否相符",
            judge_signature,
            family="chemistry",
            reads="results",
        ),
        Line(
            "permit",
            "许可污染物",
            "permit",
            "whether parameters its permit names are high here and seldom elsewhere",
            "许可证所列污染物在此是否偏高而别处少见",
            judge_permit,
            family="chemistry",
            reads="results",
        ),
        Line(
            "operation",
            "生产工况",
            "operation",
            "whether its own meter says it was running when the outfall was sampled",
            "采样时其在线监测或用电是否显示在运行",
            judge_operation,
            family="time",
            reads="readings",
        ),
        Line(
            "time",
            "时间同步",
            "time",
            "whether a monitor at the outfall follows its meter, as late as its water is",
            "排口监测信号是否滞后跟随该源的流量或用电变化",
            judge_time,
            family="time",
            reads="readings",
        ),
        Line(
            "links",
            "示踪与管道检测",
            "links",
            "tracer tests, crawler finds and documents that say what is connected",
            "示踪试验、管道机器人与资料所示的连接关系",
            judge_links,
        ),
        Line(
            "clues",
            "线索",
            "clues",
            "what meters, grids and monitors say was wrong at the source or on its way, and when",
            "监测、用电与巡查所示该源或其排水途中的异常及时间",
            judge_clues,
            family="time",
            reads="clues",
        ),
        Line(
            "plume",
            "遥感羽流",
            "plume seen from above",
            "whether cloudy water was seen below the outfall from above, and how much of it the source may discharge",
            "遥感是否在排口下游见到浑浊（或异常清澈）水体，与该源可能排出的量是否相符",
            judge_plume,
        ),
        Line(
            "fingerprint",
            "荧光与同位素指纹",
            "fluorescence and isotopes",
            "how near fluorescence peaks and isotopes are to the source's own, against how near sources are to each other",
            "荧光峰与同位素同该源自身样品的接近程度，与异源之间相比",
            judge_fingerprint,
            family="chemistry",
            reads="spectra",
        ),
        Line(
            "flow_chart",
            "现场流程清单",
            "field checklist",
            "a checklist of surfactants, ammonia and potassium; not verified, and off unless it is switched on",
            "表面活性剂、氨氮与钾的现场流程清单；未核实，默认不启用",
            judge_flow_chart,
            family="chemistry",
            reads="results",
        ),
    )
}
