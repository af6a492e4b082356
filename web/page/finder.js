// Search by name with or without marks, the nearest first, list or map. Where the reader is
// never leaves the page: the whole list is fetched, and sorted here.
import { age, askStations, el, fold, now, number, recall, remember, stationLink } from "./tools.js";
import { words } from "./words.js";

const page = 40;
const get = (id) => document.getElementById(id);
const form = get("finder"), query = get("query"), told = get("told"), found = get("found");
const results = get("results"), summary = get("summary"), mapPlace = get("map");

let stations = null;
let loaded = 0;
let here = null;
let asMap = false;
let shown = page;

async function load() {
	if (stations && Date.now() - loaded < 30000)
		return;
	stations = (await askStations()).map((station) =>
		({ ...station, key: fold(`${station.name} ${station.area_name ?? ""} ${station.area ?? ""} ${station.id}`) }));
	loaded = Date.now();
}

// Kilometres on the sphere.
function distance(a, b) {
	const rad = Math.PI / 180;
	const x = Math.sin((b.latitude - a.latitude) * rad / 2), y = Math.sin((b.longitude - a.longitude) * rad / 2);
	return 12742 * Math.asin(Math.sqrt(x * x
		+ Math.cos(a.latitude * rad) * Math.cos(b.latitude * rad) * y * y));
}

const hasPlace = (station) => station.latitude !== null && station.longitude !== null;

function choose() {
	const parts = fold(query.value.trim()).split(/[\s-]+/).filter(Boolean);
	const list = stations.filter((station) => parts.every((part) => station.key.includes(part)));
	if (here)
		return list.map((station) => ({ ...station, away: hasPlace(station) ? distance(here, station) : Infinity }))
			.sort((a, b) => a.away - b.away);
	// What begins with the words comes first; else the worst air.
	const start = parts.join(" ");
	const rank = (station) => (start && fold(station.name).startsWith(start) ? 0 : 1);
	return list.sort((a, b) => rank(a) - rank(b) || (b.index?.value ?? -1) - (a.index?.value ?? -1));
}

export function badge(index) {
	if (!index)
		return el("span", { class: "badge none" }, words.none);
	const stale = now() - Date.parse(index.hour) >= 7200000;
	return el("span", { class: `badge aqi${index.level}${stale ? " stale" : ""}` },
		el("b", {}, String(index.value)), " ", el("span", {}, words.levels[index.level - 1]));
}

const pollutants = { pm25: "PM2.5", pm10: "PM10", o3: "O₃", no2: "NO₂", so2: "SO₂", co: "CO" };

function fact(name, value, unit) {
	return el("span", { class: "fact" }, `${name} `, el("b", {}, value), unit ? ` ${unit}` : "");
}

// Where it is, where that has a name of its own.
function areaOf({ name, area, area_name: called }) {
	return called && called !== area && called !== name ? el("small", {}, called) : null;
}

function card(station) {
	const { index, values } = station;
	return el("li", { class: "card" }, el("a", { href: stationLink(station.id) },
		el("span", { class: "name" }, station.name, areaOf(station)), badge(index),
		el("span", { class: "facts" },
			Number.isFinite(station.away) ? fact("↔", number(station.away, station.away < 10 ? 1 : 0), "km") : null,
			index?.pollutant ? fact(words.highest, pollutants[index.pollutant] ?? index.pollutant) : null,
			values.pm25 !== undefined ? fact("PM2.5", number(values.pm25), "µg/m³") : null,
			values.rain_1h !== undefined ? fact(words.rain1h, number(values.rain_1h), "mm") : null,
			station.time ? el("span", { class: "age" }, el("time", { datetime: station.time },
				age(now() - Date.parse(station.time)))) : words.noData,
			station.indicative || index?.indicative ? el("em", {}, words.indicative) : null)));
}

async function show() {
	const wanted = query.value.trim() || here || asMap;
	found.hidden = !wanted;
	summary.hidden = Boolean(wanted);
	if (!wanted) {
		told.textContent = "";
		return;
	}
	try {
		await load();
	} catch (error) {
		console.warn("stations:", error.message);
		told.textContent = words.failed;
		if (!stations)
			return;
	}
	const list = choose();
	told.textContent = list.length === 0 ? words.foundNone
		: `${words.found(list.length)}${here ? ` · ${words.nearest}` : ""}`;
	mapPlace.hidden = !asMap;
	results.hidden = asMap;
	if (asMap)
		(await import("./map.js")).showMap(mapPlace, list.filter(hasPlace), here);
	else
		results.replaceChildren(...list.slice(0, shown).map(card), ...(list.length > shown
			? [el("li", {}, el("button", { type: "button", click: () => { shown += page; show(); } }, words.more))] : []));
}

// --- the reader's place -----------------------------------------------------------------

function setHere(coords) {
	here = coords;
	get("near").setAttribute("aria-pressed", String(here !== null));
	remember("near", here ? true : null);
	show();
}

function locate() {
	told.textContent = words.asking;
	navigator.geolocation.getCurrentPosition((position) => setHere(position.coords), () => {
		remember("near", null);
		told.textContent = words.noPlace;
	}, { maximumAge: 600000, timeout: 20000 });
}

// Only who has said so before is asked for the place without a touch.
async function nearAtStart() {
	if (!recall("near") || !navigator.permissions)
		return;
	const permission = await navigator.permissions.query({ name: "geolocation" });
	if (permission.state === "granted")
		locate();
}

function setMap(on) {
	asMap = on;
	get("as-map").setAttribute("aria-pressed", String(on));
	get("as-list").setAttribute("aria-pressed", String(!on));
	show();
}

let typing;
query.addEventListener("input", () => {
	clearTimeout(typing);
	shown = page;
	typing = setTimeout(show, 120);
});
form.addEventListener("submit", (event) => {
	event.preventDefault();
	show();
});
get("near").hidden = !("geolocation" in navigator);
get("near").addEventListener("click", () => (here ? setHere(null) : locate()));
get("as-map").addEventListener("click", () => setMap(true));
get("as-list").addEventListener("click", () => setMap(false));
document.addEventListener("refreshed", () => { if (!found.hidden) show(); });
form.hidden = false;
nearAtStart();
