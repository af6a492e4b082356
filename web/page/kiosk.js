// A screen in an office: station after station, large, without a touch. What is shown is never
// older than it says; after a day the page is loaded anew, so that updates arrive.
import { age, ask, askStations, clock, day, el, now, number, setClock } from "./tools.js";
import { words } from "./words.js";

const turn = Number(new URLSearchParams(location.search).get("seconds")) || 12;
const only = new URLSearchParams(location.search).get("area");
const pollutants = { pm25: "PM2.5", pm10: "PM10", o3: "O₃", no2: "NO₂", so2: "SO₂", co: "CO" };
const started = Date.now();
let stations = [], alerts = [];
let at = -1;
let latest = Date.now();

async function load() {
	try {
		const page = new DOMParser().parseFromString((await ask("/about")).text, "text/html");
		setClock(Number(page.documentElement.dataset.now));
		stations = (await askStations()).filter((station) => !only || station.area === only);
		const language = document.documentElement.lang;
		alerts = JSON.parse((await ask(`/api/v1/alerts?lang=${language}`)).text).alerts.filter((alert) => alert.active);
		latest = Date.now();
	} catch (error) {
		console.warn("kiosk:", error.message);
	}
	if (Date.now() - started > 86400000 && Date.now() - latest < 60000)
		location.reload();
}

function tile(name, value, unit) {
	return value === undefined ? null
		: el("div", { class: "tile" }, el("span", {}, name), el("b", {}, number(value)), el("span", {}, unit));
}

function slide(station) {
	const { index, values } = station;
	const level = index?.level;
	const old = !station.time || now() - Date.parse(station.time) > 3600000;
	return el("section", { class: `slide ${level ? `aqi${level}` : "none"}${old ? " stale" : ""}` },
		el("h1", {}, station.name),
		el("p", { class: "huge" }, index ? String(index.value) : words.noneShort),
		el("p", { class: "level" }, index ? words.levels[level - 1] : words.none),
		el("p", { class: "of" }, "VN_AQI", index ? ` ${clock(Date.parse(index.hour))}` : "",
			index?.pollutant ? ` · ${words.highest}: ${pollutants[index.pollutant] ?? index.pollutant}` : "",
			station.indicative || index?.indicative ? ` · ${words.indicative}` : ""),
		index ? el("p", { class: "todo" }, words.advice[level - 1]) : null,
		el("div", { class: "tiles" }, tile("PM2.5", values.pm25, "µg/m³"), tile(words.rain1h, values.rain_1h, "mm"),
			tile(words.rain24h, values.rain_24h, "mm"), tile(words.metrics.temperature, values.temperature, "°C"),
			tile(words.metrics.humidity, values.humidity, "%")),
		el("p", { class: "of" }, station.time ? age(now() - Date.parse(station.time)) : words.noData,
			old && station.time ? ` · ${words.stale}` : ""));
}

function strip() {
	return el("aside", { class: "strip" }, el("p", { class: "time" }, clock(now()), el("small", {}, day(now()))),
		el("ul", {}, ...stations.slice(0, 14).map((station, i) => el("li", { class: i === at ? "on" : "" },
			el("span", {}, station.name), el("span", { class: `badge ${station.index ? `aqi${station.index.level}` : "none"}` },
				station.index ? String(station.index.value) : words.noneShort)))));
}

function ticker() {
	if (alerts.length === 0)
		return el("footer", { class: "ticker calm" }, words.calm);
	const alert = alerts[at % alerts.length];
	return el("footer", { class: `ticker alert ${alert.severity}` }, el("strong", {}, alert.title), " ", alert.text);
}

function show() {
	const late = Date.now() - latest > 90000;
	if (stations.length > 0)
		at = (at + 1) % stations.length;
	document.body.replaceChildren(el("main", { class: `kiosk${late ? " late" : ""}`, "aria-label": words.kiosk },
		stations.length > 0 ? slide(stations[at]) : el("section", { class: "slide none" }, el("h1", {}, words.loading)),
		strip(), ticker(), late ? el("p", { class: "lost", role: "status" }, `${words.stale}: ${age(Date.now() - latest)}`) : null));
}

document.documentElement.classList.add("kiosk");
document.head.append(el("link", { rel: "stylesheet", href: new URL("kiosk.css", import.meta.url) }));
navigator.wakeLock?.request("screen").catch(() => {});
load().then(show);
setInterval(load, 30000);
setInterval(show, turn * 1000);
