// What the modules share: the language, the gateway's clock, elements, numbers.

export const root = document.documentElement;
export const lang = root.lang === "en" ? "en" : "vi";

// The gateway's clock: a phone's may be wrong, and a demonstration's runs faster. A page out
// of the cache says by data-cached when, by this device, it was received.
let base = Number(root.dataset.now) || Date.now();
let anchor = Number(root.dataset.cached) || Date.now();

export function setClock(ms) {
	base = ms;
	anchor = Date.now();
}

export function now() {
	return base + Math.max(0, Date.now() - anchor);
}

export const isCached = () => "cached" in root.dataset;

// el("p", { class: "x" }, "text", child): attributes and children; nothing is parsed as HTML.
export function el(name, attributes = {}, ...children) {
	return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
	return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
	for (const [key, value] of Object.entries(attributes))
		if (typeof value === "function")
			element.addEventListener(key, value);
		else if (value !== undefined && value !== null && value !== false)
			element.setAttribute(key, value === true ? "" : value);
	element.append(...children.filter((child) => child !== null && child !== undefined));
	return element;
}

// An address of ours that keeps the language.
export function link(path) {
	return lang === "en" ? path + (path.includes("?") ? "&" : "?") + "lang=en" : path;
}

export const stationLink = (id) => link(`/stations/${encodeURIComponent(id)}`);

// Latin letters small and without marks: "Cầu Giấy" and "cau giay" are the same.
export function fold(text) {
	return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/[đĐ]/g, "d").toLowerCase();
}

const locale = lang === "en" ? "en-GB" : "vi-VN";

export function number(value, decimals = 1) {
	return value.toLocaleString(locale, { minimumFractionDigits: decimals, maximumFractionDigits: decimals,
		useGrouping: false });
}

const zone = { timeZone: "Asia/Ho_Chi_Minh" };
const clockFormat = new Intl.DateTimeFormat(locale, { ...zone, hour: "2-digit", minute: "2-digit", hour12: false });
const dayFormat = new Intl.DateTimeFormat("en-GB", { ...zone, day: "2-digit", month: "2-digit" });

export const clock = (ms) => clockFormat.format(ms);
export const day = (ms) => dayFormat.format(ms);

const units = { vi: ["giây", "phút", "giờ", "ngày"], en: ["s", "min", "h", "d"] }[lang];

// As web/words.c says ages.
export function age(ms) {
	const seconds = Math.max(0, Math.floor(ms / 1000));
	if (seconds < 2)
		return lang === "en" ? "now" : "vừa xong";
	const minutes = Math.floor(seconds / 60);
	const hours = Math.floor(minutes / 60);
	let text;
	if (seconds < 60)
		text = `${seconds} ${units[0]}`;
	else if (minutes < 60)
		text = `${minutes} ${units[1]}`;
	else if (hours < 10 && minutes % 60)
		text = `${hours} ${units[2]} ${minutes % 60} ${units[1]}`;
	else if (hours < 48)
		text = `${hours} ${units[2]}`;
	else
		text = `${Math.floor(hours / 24)} ${units[3]}`;
	return text + (lang === "en" ? " ago" : " trước");
}

// Fails after 20 s: a connection that hangs is none.
export async function ask(path, options = {}) {
	const abort = new AbortController();
	const timer = setTimeout(() => abort.abort(), 20000);
	try {
		const answer = await fetch(path, { ...options, signal: abort.signal });
		if (!answer.ok && !options.any)
			throw new Error(`${path}: status ${answer.status}`);
		const copy = { status: answer.status, link: answer.headers.get("Link"), cached: answer.headers.has("X-Kept-At"),
			text: await answer.text() };
		return copy;
	} finally {
		clearTimeout(timer);
	}
}

export const askJson = async (path) => JSON.parse((await ask(path)).text);

// All stations in short; a page of them names the next.
export async function askStations() {
	const stations = [];
	for (let path = "/api/v1/stations?fields=summary"; path;) {
		const answer = await ask(path);
		stations.push(...JSON.parse(answer.text));
		path = answer.link?.match(/<([^>]+)>;\s*rel="next"/)?.[1];
	}
	return stations;
}

// Private windows may refuse to remember.
export function recall(key) {
	try {
		return JSON.parse(localStorage.getItem(key));
	} catch {
		return null;
	}
}

export function remember(key, value) {
	try {
		if (value === null)
			localStorage.removeItem(key);
		else
			localStorage.setItem(key, JSON.stringify(value));
	} catch { /* then not */ }
}
