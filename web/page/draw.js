// Charts as SVG: a line with gaps, or bars, above bands of colour. Pure but for the elements.
import { clock, day, number, svg } from "./tools.js";

const height = 220;
let width; // of the chart at hand; letters keep their size
const left = 44, right = 8, top = 10, bottom = 26;
const hour = 3600000;

// The smallest round step that makes at most COUNT of them.
function roundStep(range, count) {
	const raw = range / count || 1;
	const power = 10 ** Math.floor(Math.log10(raw));
	return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= raw);
}

function verticalScale(chart, values) {
	let low = chart.fromZero ? 0 : Math.min(...values), high = Math.max(...values, chart.atLeast ?? -Infinity);
	if (low === high)
		high = low + 1;
	const step = roundStep(high - low, 4);
	low = Math.floor(low / step) * step;
	high = Math.ceil(high / step) * step;
	const y = (value) => top + (high - value) / (high - low) * (height - top - bottom);
	return { low, high, step, y };
}

// Colours behind, each from a value on; the last one has no end.
function bands(chart, scale) {
	return chart.bands.map((from, i) => {
		const start = Math.max(from, scale.low), end = Math.min(chart.bands[i + 1] ?? Infinity, scale.high);
		return start >= end ? null : svg("rect", { class: `band aqi${i + 1}`, x: left, width: width - left - right,
			y: scale.y(end).toFixed(1), height: (scale.y(start) - scale.y(end)).toFixed(1) });
	});
}

function grid(scale) {
	const parts = [];
	const decimals = scale.step < 1 ? 1 : 0;
	for (let value = scale.low; value <= scale.high + scale.step / 2; value += scale.step) {
		const y = scale.y(value).toFixed(1);
		parts.push(svg("line", { class: "grid", x1: left, x2: width - right, y1: y, y2: y }),
			svg("text", { class: "tick", x: left - 6, y: Number(y) + 4, "text-anchor": "end" }, number(value, decimals)));
	}
	return parts;
}

// Viet Nam's hours and days: UTC and seven hours.
function timeTicks(from, to, x) {
	const span = to - from;
	const room = (width - left - right) / 52; // for so many labels
	const step = [1, 2, 4, 6, 12, 24, 48, 120, 240].map((hours) => hours * hour)
		.find((candidate) => span / candidate <= room) ?? 480 * hour;
	const parts = [];
	for (let at = Math.ceil((from + 7 * hour) / step) * step - 7 * hour; at <= to; at += step) {
		const place = x(at);
		if (place < left + 8 || place > width - right - 12)
			continue;
		parts.push(svg("line", { class: "grid", x1: place.toFixed(1), x2: place.toFixed(1), y1: top, y2: height - bottom }),
			svg("text", { class: "tick", x: place.toFixed(1), y: height - 8, "text-anchor": "middle" },
				step < 24 * hour ? clock(at) : day(at)));
	}
	return parts;
}

// Pieces without a gap; a point that stands alone becomes a dot.
function line(points, x, y) {
	const parts = [];
	let piece = [];
	const flush = () => {
		if (piece.length === 1)
			parts.push(svg("circle", { class: "alone", cx: x(piece[0].end).toFixed(1), cy: y(piece[0].value).toFixed(1), r: 2.5 }));
		else if (piece.length > 1)
			parts.push(svg("path", { class: "line", d: "M" + piece.map((point) =>
				`${x(point.end).toFixed(1)} ${y(point.value).toFixed(1)}`).join("L") }));
		piece = [];
	};
	for (const point of points)
		if (point.value === null)
			flush();
		else
			piece.push(point);
	flush();
	return parts;
}

// What is missing is hatched, so that it is not taken for nothing.
function gaps(points, x, step) {
	const parts = [];
	for (let i = 0; i < points.length;) {
		let end = i;
		while (end < points.length && points[end].value === null)
			end++;
		if (end > i)
			parts.push(svg("rect", { class: "gap", x: x(points[i].end - step).toFixed(1), y: top,
				width: Math.max(1, x(points[end - 1].end) - x(points[i].end - step)).toFixed(1), height: height - top - bottom,
				fill: "url(#hatch)" }));
		i = Math.max(end, i + 1);
	}
	return parts;
}

function bars(chart, points, x, y, step) {
	return points.filter((point) => point.value !== null && (point.value > 0 || chart.level)).map((point) => {
		const from = x(point.end - step), wide = Math.max(1, x(point.end) - from - 1);
		return svg("rect", { class: chart.level ? `bar aqi${chart.level(point.value)}` : "bar", x: from.toFixed(1),
			width: wide.toFixed(1), y: y(point.value).toFixed(1), height: Math.max(1, y(0) - y(point.value)).toFixed(1) });
	});
}

const hatch = () => svg("defs", {}, svg("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse",
	patternTransform: "rotate(45)" }, svg("line", { class: "hatch", x1: 0, x2: 0, y1: 0, y2: 6 })));

/*
 * WIDE: pixels it will have. CHART: { points: [{ end, value or null }] in equal steps of STEP ms, from, to, kind: "line"
 * or "bars", bands, level(value), fromZero, atLeast, label, read(point) }. Read is called with
 * what the pointer is at, or null.
 */
export function draw(chart, wide) {
	width = wide;
	const { points, from, to, step } = chart;
	const x = (time) => left + (time - from) / (to - from) * (width - left - right);
	const scale = verticalScale(chart, points.filter((point) => point.value !== null).map((point) => point.value));
	const cursor = svg("line", { class: "cursor", y1: top, y2: height - bottom, visibility: "hidden" });
	const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": chart.label },
		hatch(), ...(chart.bands ? bands(chart, scale) : []), ...gaps(points, x, step), ...grid(scale),
		...timeTicks(from, to, x),
		...(chart.kind === "bars" ? bars(chart, points, x, scale.y, step) : line(points, x, scale.y)), cursor);
	picture.addEventListener("pointermove", (event) => {
		const size = picture.getBoundingClientRect();
		const time = from + ((event.clientX - size.left) / size.width * width - left) / (width - left - right) * (to - from);
		const point = points.find((candidate) => candidate.end >= time);
		if (!point)
			return;
		const place = x(chart.kind === "bars" ? point.end - step / 2 : point.end).toFixed(1);
		cursor.setAttribute("x1", place);
		cursor.setAttribute("x2", place);
		cursor.setAttribute("visibility", "visible");
		chart.read(point);
	});
	picture.addEventListener("pointerleave", () => {
		cursor.setAttribute("visibility", "hidden");
		chart.read(null);
	});
	return picture;
}
