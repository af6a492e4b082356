#include "web/page_words.h"

const struct page_words *page_words_of(enum words_language language)
{
	return language == WORDS_EN ? &page_words_en : &page_words_vi;
}

const char *page_pollutant(enum air_pollutant pollutant)
{
	static const char *const names[AIR_POLLUTANTS] = {
		[AIR_PM25] = "PM2.5",
		[AIR_PM10] = "PM10",
		[AIR_O3] = "O₃",
		[AIR_NO2] = "NO₂",
		[AIR_SO2] = "SO₂",
		[AIR_CO] = "CO",
	};

	return names[pollutant];
}
