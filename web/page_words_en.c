/* English. */
#include "web/page_words.h"

const struct page_words page_words_en = {
	.code = "en",
	.brand = "Air and rain",
	.description = "Air quality, rain and alerts by ward: the newest readings, what to "
		"do, and alerts on your phone.",
	.skip = "Skip to the content",
	.navigation = "Pages",
	.places = {
		"Home",
		"Stations",
		"Alerts",
		"About",
	},
	.other = "Tiếng Việt",
	.other_code = "vi",
	.offline = "No connection. What is shown was received last and may be old.",
	.updated = "Updated at",
	.note = "Viet Nam time. This does not replace official bulletins.",
	.about_link = "How it is computed, and by whom",
	.data = "Data as JSON",
	.no_data = "No data yet.",
	.stale = "Old data",
	.unknown_age = "time of measurement unknown",
	.calibrating = "calibrating",
	.fault = "instrument fault",
	.few = "not enough data yet",
	.home_title = "Air and rain near you",
	.search = "Find a ward or station",
	.search_hint = "for example: cau giay",
	.near = "Near me",
	.as_list = "List",
	.as_map = "Map",
	.found = "Stations",
	.own = "Main station",
	.worst = "Other places, the worst first",
	.all_of = "See all stations by area",
	.all_title = "All stations",
	.no_area = "Area unknown",
	.area_count = "stations",
	.choose_area = "Choose an area",
	.no_index = "No VN_AQI yet",
	.indicative = "indicative",
	.air_title = "Air quality",
	.hour_to = "hour to",
	.highest = "Main pollutant",
	.everybody = "Everybody",
	.sensitive = "Old people, children, people with lung or heart disease",
	.parts_title = "Index of each pollutant",
	.part_head = "Index",
	.mean_head = "Concentration (µg/m³)",
	.share_head = "Data complete",
	.provisional = "Provisional",
	.provisional_why = "the running hour, not over yet",
	.day = "VN_AQI of the day",
	.others = "Other indices",
	.why_none = "VN_AQI needs a whole hour of PM2.5 or PM10. There is none at present.",
	.up = "rising",
	.down = "falling",
	.same = "unchanged",
	.hour_before = "an hour before",
	.rain_title = "Rain",
	.rain_now = "Now",
	.values_title = "Readings of the sensors",
	.charts_title = "Charts",
	.charts_none = "Charts need JavaScript.",
	.how_title = "How is this index computed, and by whom?",
	.how = "The hourly VN_AQI follows Decision 1459/QĐ-TCMT of 12 November 2019: "
		"dust PM2.5 and PM10 by the 12-hour NowCast, O₃, NO₂, SO₂ and CO by "
		"the hour's mean. Each pollutant has an index; the station's is the "
		"highest of them.",
	.by = "Computed at the gateway by the program muabui, from readings of the "
		"station",
	.indicative_why = "This station has low-cost sensors: the index is indicative, not that "
		"of a reference station.",
	.sensor = "Sensor",
	.not_found = "There is no station with this id.",
	.active_title = "Alerts in force",
	.none_active = "There is no alert at present.",
	.not_known = "Alerts cannot be read just now.",
	.history_title = "Earlier alerts",
	.none_before = "There was no alert in the last 30 days.",
	.subscribe = "Get alerts on this device",
	.subscribe_lead = "When air or rain in your ward become dangerous, your phone tells you; "
		"and again when it is over. No account is needed.",
	.since = "From",
	.until = "to",
	.over = "Over",
	.expired = "No longer valid",
	.what_to_do = "What to do",
	.severities = {
		"Notice",
		"Warning",
		"Danger",
		"Extreme danger",
	},
	.effect = {
		"No effect on health.",
		"Acceptable; sensitive people may feel some effect.",
		"Sensitive people are affected, others little.",
		"Everybody starts to be affected, sensitive people more seriously.",
		"Health warning: everybody is affected more.",
		"Emergency: everybody's health is seriously affected.",
	},
	.for_all = {
		"Enjoy outdoor activity as usual.",
		"Outdoor activity as usual.",
		"With sore eyes, throat or cough, spend less time outdoors. Pupils may "
		"go out, without long hard exercise.",
		"Cut heavy exertion outdoors, avoid long exercise, rest indoors more.",
		"Keep time outdoors to a minimum, move indoors. Wear a proper mask if "
		"you must go out.",
		"Stay indoors, close doors and windows. Wear a proper mask if you must "
		"go out.",
	},
	.for_sensitive = {
		"Enjoy outdoor activity as usual.",
		"You may stay active outdoors; watch for cough or short breath.",
		"Cut heavy exertion and time outdoors. People with asthma may need "
		"their medicine more often.",
		"Stay indoors, cut exertion. Wear a proper mask if you must go out.",
		"Stay indoors and cut exertion.",
		"Stay indoors, close doors and windows. Wear a proper mask if you must "
		"go out.",
	},
	.about_title = "About",
	.about = "<h2>The air quality index VN_AQI</h2><p>The hourly VN_AQI follows "
		"Decision 1459/QĐ-TCMT of 12 November 2019. Each pollutant (dust "
		"PM2.5, PM10, the gases O₃, NO₂, SO₂, CO) has an index; the station's "
		"is the highest of them. Dust goes by the NowCast of 12 hours, gases "
		"by the hour's mean. PM2.5 or PM10 must be there, and at least 2 of "
		"the 3 newest hours. An hour counts when three quarters of it were "
		"measured. The index comes right after the hour; what is called "
		"<em>provisional</em> is of the hour that "
		"runs.</p>\n<p><strong>Indicative</strong> is an index from low-cost "
		"sensors. The official VN_AQI is that of automatic reference "
		"stations.</p>\n<h2>Rain</h2><p>Rain is the sum of the last 10 minutes "
		"up to 72 hours, in millimetres. Where the station has not watched all "
		"of that time, the page says <em>not enough data yet</em>: there may "
		"have been more rain.</p>\n<h2>Old and doubtful values</h2><p>Old data "
		"are faded, with their age. A <em>suspect</em> value was checked and "
		"may be wrong; one that <em>failed</em> is struck out and enters no "
		"index.</p>\n<h2>Privacy</h2><p>There are no accounts and no "
		"advertisements, and nothing is fetched from elsewhere. Your place is "
		"used on your device only and never sent. When you subscribe, the "
		"server keeps the address your browser made for messages, the areas "
		"and your choices; \"Stop\" removes all of it.</p>\n<h2>A screen in an "
		"office</h2><p>Open <a href=\"/?kiosk&amp;lang=en\">/?kiosk</a> on a "
		"large screen: stations follow each other and refresh by "
		"themselves.</p>",
};
