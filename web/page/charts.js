// A station's charts of 24 hours, 7 and 30 days.
import { askJson, clock, day, el, now, number } from "./tools.js";
import { draw } from "./draw.js";
import { words } from "./words.js";

const place = document.getElementById("charts");
const station = place.dataset.station;
const hour = 3600000;
const ranges = [{ ms: 24 * hour, step: "10m" }, { ms: 7 * 24 * hour, step: "1h" }, { ms: 30 * 24 * hour, step: "6h" }];
// VN_AQI's levels begin there; of dust, by table 2 of Decision 1459.
const levels = { vn_aqi: [0, 50, 100, 150, 200, 300], pm25: [0, 25, 50, 80, 150, 250], pm10: [0, 50, 150, 250, 350, 420] };
const always = ["vn_aqi", "pm25", "rain"];
const others = ["pm10", "temperature", "humidity", "pressure", "wind_speed", "wind_gust", "noise", "o3", "no2", "so2", "co",
	"pm1", "co2", "solar", "light", "rain_rate"];
let range = 0;
let extra = "";
let drawAll = null; // what was fetched last, anew

const level = (bounds) => (value) => bounds.filter((bound, i) => i === 0 || value > bound).length;
const figures = el("div", { class: "figures" });

// Of several sensors the one that has told most; they agree, or quality control says so.
function choose(history, metric) {
	const count = (series) => series.values.filter((value) => value !== null).length;
	return history.series.filter((series) => series.metric === metric)
		.sort((a, b) => count(b) - count(a))[0];
}

function summary(series, points) {
	const known = points.filter((point) => point.value !== null);
	const values = known.map((point) => point.value);
	const unit = series.unit === "index" ? "" : ` ${series.unit}`;
	const say = (value) => `${number(value, series.unit === "index" ? 0 : 1)}${unit}`;
	if (series.aggregate === "sum")
		return `${words.sum} ${say(values.reduce((sum, value) => sum + value, 0))}`;
	return `${words.last} ${say(values[values.length - 1])}, ${words.most} ${say(Math.max(...values))}, `
		+ `${words.least} ${say(Math.min(...values))}`;
}

function figure(history, metric, wide) {
	const series = choose(history, metric);
	const title = words.metrics[metric] ?? metric;
	const points = series ? history.times.map((time, i) => ({ end: Date.parse(time), value: series.values[i] }))
		// What is not over yet is no gap.
		.filter((point) => point.end <= now() || point.value !== null) : [];
	if (!points.some((point) => point.value !== null))
		return null;
	const text = summary(series, points);
	const unit = series.unit === "index" ? "" : series.unit;
	const reading = el("p", { class: "reading", "aria-hidden": "true" }, text);
	const isBars = metric === "rain" || metric === "vn_aqi";
	const step = history.step_s * 1000;
	const picture = draw({
		points, step, from: Date.parse(history.from), to: points[points.length - 1].end,
		kind: isBars ? "bars" : "line", bands: metric === "vn_aqi" ? null : levels[metric],
		level: metric === "vn_aqi" ? level(levels.vn_aqi) : null,
		fromZero: isBars || series.unit === "µg/m³", atLeast: { pm25: 50, pm10: 50, vn_aqi: 100, rain: 2 }[metric],
		label: `${title}, ${words.ranges[range]}: ${text}`,
		read(point) {
			reading.textContent = !point ? text : `${day(point.end)} ${clock(point.end)}: ${point.value === null ? words.gap
				: `${number(point.value, unit ? 1 : 0)} ${unit}`}`;
		},
	}, wide);
	return el("figure", {}, el("figcaption", {}, el("strong", {}, title), unit ? ` (${unit})` : ""), reading, picture);
}

async function fetchHistory(metrics, step) {
	// By whole minutes, so that an answer serves all who ask within one.
	const to = Math.ceil(now() / 60000) * 60000, from = to - ranges[range].ms;
	const time = (ms) => encodeURIComponent(new Date(ms).toISOString());
	return askJson(`/api/v1/stations/${encodeURIComponent(station)}/history?metric=${metrics}`
		+ `&from=${time(from)}&to=${time(to)}&step=${step}`);
}

// How wide a picture will be, padding and border apart.
function measure() {
	const probe = el("figure");
	figures.append(probe);
	const wide = probe.clientWidth - 24;
	probe.remove();
	return Math.max(240, wide);
}

async function show() {
	const step = ranges[range].step;
	figures.setAttribute("aria-busy", "true");
	try {
		// The index is one an hour; rain is told by the hour or more.
		const coarse = step === "10m" ? "1h" : step;
		const [fine, hourly] = await Promise.all([fetchHistory(extra ? `pm25,${extra}` : "pm25", step),
			fetchHistory("vn_aqi,rain", coarse)]);
		drawAll = () => {
			const wide = measure();
			const drawn = [figure(hourly, "vn_aqi", wide), figure(fine, "pm25", wide), figure(hourly, "rain", wide),
				extra ? figure(fine, extra, wide) : null].filter(Boolean);
			figures.replaceChildren(...(drawn.length ? drawn : [el("p", {}, words.noHistory)]));
		};
		drawAll();
	} catch (error) {
		console.warn("charts:", error.message);
		if (!figures.querySelector("svg"))
			figures.replaceChildren(el("p", {}, words.chartFailed));
	}
	figures.removeAttribute("aria-busy");
}

function rangeButtons() {
	const buttons = words.ranges.map((name, i) => el("button", { type: "button", "aria-pressed": String(i === range),
		click() {
			range = i;
			buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(at === range)));
			show();
		} }, name));
	return el("div", { class: "tabs", role: "group", "aria-label": words.range }, ...buttons);
}

// What else this station measures.
async function otherChoice() {
	const known = await askJson(`/api/v1/stations/${encodeURIComponent(station)}`);
	const metrics = new Set(known.sensors.flatMap((sensor) => sensor.values.map((value) => value.metric)));
	const there = others.filter((metric) => metrics.has(metric) && !always.includes(metric));
	if (there.length === 0)
		return null;
	return el("label", { class: "other" }, `${words.other}: `, el("select", { change(event) {
		extra = event.currentTarget.value;
		show();
	} }, el("option", { value: "" }, "–"), ...there.map((metric) => el("option", { value: metric }, words.metrics[metric]))));
}

place.append(rangeButtons(), figures);
figures.append(el("p", {}, words.loading));
show();
otherChoice().then((choice) => choice && place.append(choice), () => {});
let resizing;
addEventListener("resize", () => {
	clearTimeout(resizing);
	resizing = setTimeout(() => drawAll?.(), 200);
});
setInterval(() => { if (!document.hidden) show(); }, 300000);
