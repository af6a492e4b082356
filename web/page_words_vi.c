/* Vietnamese. */
#include "web/page_words.h"

const struct page_words page_words_vi = {
	.code = "vi",
	.brand = "Không khí và mưa",
	.description = "Chất lượng không khí, mưa và cảnh báo theo phường, xã: số đo mới "
		"nhất, việc nên làm, nhận cảnh báo trên điện thoại.",
	.skip = "Đến nội dung chính",
	.navigation = "Các trang",
	.places = {
		"Trang đầu",
		"Các trạm",
		"Cảnh báo",
		"Giải thích",
	},
	.other = "English",
	.other_code = "en",
	.offline = "Không kết nối được. Số liệu dưới đây là lần nhận cuối cùng và có thể "
		"đã cũ.",
	.updated = "Cập nhật lúc",
	.note = "Giờ Việt Nam. Không thay cho bản tin chính thức.",
	.about_link = "Cách tính và nguồn số liệu",
	.data = "Dữ liệu JSON",
	.no_data = "Chưa có số liệu.",
	.stale = "Số liệu cũ",
	.unknown_age = "không rõ thời điểm đo",
	.calibrating = "đang hiệu chuẩn",
	.fault = "thiết bị lỗi",
	.few = "chưa đủ dữ liệu",
	.home_title = "Không khí và mưa ở gần bạn",
	.search = "Tìm phường, xã hoặc trạm",
	.search_hint = "ví dụ: cau giay",
	.near = "Gần tôi",
	.as_list = "Danh sách",
	.as_map = "Bản đồ",
	.found = "Các trạm",
	.own = "Trạm chính",
	.worst = "Các nơi khác, xấu nhất trước",
	.all_of = "Xem tất cả các trạm theo khu vực",
	.all_title = "Tất cả các trạm",
	.no_area = "Chưa rõ khu vực",
	.area_count = "trạm",
	.choose_area = "Chọn khu vực",
	.no_index = "Chưa có VN_AQI",
	.indicative = "tham khảo",
	.air_title = "Chất lượng không khí",
	.hour_to = "giờ kết thúc lúc",
	.highest = "Chất cao nhất",
	.everybody = "Mọi người",
	.sensitive = "Người già, trẻ em, người bệnh hô hấp, tim mạch",
	.parts_title = "Chỉ số từng chất",
	.part_head = "Chỉ số",
	.mean_head = "Nồng độ (µg/m³)",
	.share_head = "Đủ dữ liệu",
	.provisional = "Tạm tính",
	.provisional_why = "giờ đang chạy, chưa đủ giờ",
	.day = "VN_AQI ngày",
	.others = "Chỉ số khác",
	.why_none = "VN_AQI cần bụi PM2.5 hoặc PM10 đo đủ giờ. Hiện chưa có.",
	.up = "đang tăng",
	.down = "đang giảm",
	.same = "không đổi",
	.hour_before = "giờ trước",
	.rain_title = "Mưa",
	.rain_now = "Hiện tại",
	.values_title = "Số đo của cảm biến",
	.charts_title = "Biểu đồ",
	.charts_none = "Biểu đồ cần JavaScript.",
	.how_title = "Chỉ số này tính thế nào, ai tính?",
	.how = "VN_AQI giờ tính theo Quyết định 1459/QĐ-TCMT ngày 12/11/2019 của Tổng "
		"cục Môi trường: bụi PM2.5 và PM10 theo NowCast 12 giờ, O₃, NO₂, SO₂ "
		"và CO theo trung bình giờ. Mỗi chất có một chỉ số; chỉ số của trạm là "
		"chỉ số cao nhất.",
	.by = "Tính tại trạm thu nhận bằng phần mềm muabui, từ số đo của trạm",
	.indicative_why = "Trạm này dùng cảm biến chi phí thấp: chỉ số chỉ để tham khảo, không "
		"phải của trạm quan trắc chuẩn.",
	.sensor = "Cảm biến",
	.not_found = "Không có trạm nào mang mã này.",
	.active_title = "Cảnh báo đang có hiệu lực",
	.none_active = "Hiện không có cảnh báo nào.",
	.not_known = "Chưa đọc được cảnh báo lúc này.",
	.history_title = "Cảnh báo trước đây",
	.none_before = "Trong 30 ngày qua không có cảnh báo nào.",
	.subscribe = "Nhận cảnh báo trên máy này",
	.subscribe_lead = "Khi không khí hoặc mưa ở phường của bạn trở nên nguy hiểm, điện thoại "
		"sẽ báo; khi hết nguy hiểm cũng báo. Không cần tài khoản.",
	.since = "Từ",
	.until = "đến",
	.over = "Đã hết",
	.expired = "Hết hiệu lực",
	.what_to_do = "Nên làm",
	.severities = {
		"Lưu ý",
		"Cảnh báo",
		"Nguy hiểm",
		"Rất nguy hiểm",
	},
	.effect = {
		"Không ảnh hưởng tới sức khỏe.",
		"Chấp nhận được; người nhạy cảm có thể bị ảnh hưởng nhẹ.",
		"Người nhạy cảm bị ảnh hưởng; người khác ít bị.",
		"Mọi người bắt đầu bị ảnh hưởng; người nhạy cảm nặng hơn.",
		"Cảnh báo sức khỏe: mọi người bị ảnh hưởng rõ hơn.",
		"Khẩn cấp: ảnh hưởng nghiêm trọng tới sức khỏe mọi người.",
	},
	.for_all = {
		"Hoạt động ngoài trời bình thường.",
		"Hoạt động ngoài trời bình thường.",
		"Nếu cay mắt, đau họng, ho: bớt ở ngoài trời. Học sinh có thể ra ngoài "
		"nhưng đừng tập nặng kéo dài.",
		"Giảm vận động mạnh ngoài trời, không tập kéo dài, nghỉ trong nhà "
		"nhiều hơn.",
		"Hạn chế tối đa ở ngoài trời, chuyển vào trong nhà. Phải ra ngoài thì "
		"đeo khẩu trang đạt chuẩn.",
		"Ở trong nhà, đóng cửa ra vào và cửa sổ. Phải ra ngoài thì đeo khẩu "
		"trang đạt chuẩn.",
	},
	.for_sensitive = {
		"Hoạt động ngoài trời bình thường.",
		"Vẫn ra ngoài được; để ý ho, khó thở.",
		"Giảm vận động mạnh và thời gian ở ngoài trời. Người hen có thể cần "
		"dùng thuốc thường xuyên hơn.",
		"Ở trong nhà, giảm vận động. Phải ra ngoài thì đeo khẩu trang đạt "
		"chuẩn.",
		"Ở trong nhà và giảm vận động.",
		"Ở trong nhà, đóng cửa ra vào và cửa sổ. Phải ra ngoài thì đeo khẩu "
		"trang đạt chuẩn.",
	},
	.about_title = "Giải thích",
	.about = "<h2>Chỉ số chất lượng không khí VN_AQI</h2><p>VN_AQI giờ được tính "
		"theo Quyết định 1459/QĐ-TCMT ngày 12/11/2019. Mỗi chất (bụi PM2.5, "
		"PM10, khí O₃, NO₂, SO₂, CO) có một chỉ số; chỉ số của trạm là chỉ số "
		"cao nhất. Bụi tính theo NowCast của 12 giờ, khí theo trung bình của "
		"giờ. Cần có bụi PM2.5 hoặc PM10, và ít nhất 2 trong 3 giờ gần nhất. "
		"Một giờ phải đo đủ ba phần tư mới được tính. Chỉ số có ngay sau khi "
		"hết giờ; số <em>tạm tính</em> là của giờ đang "
		"chạy.</p>\n<p><strong>Tham khảo</strong> là chỉ số từ cảm biến chi phí "
		"thấp. VN_AQI chính thức là của trạm quan trắc tự động "
		"chuẩn.</p>\n<h2>Mưa</h2><p>Lượng mưa là tổng của 10 phút đến 72 giờ "
		"vừa qua, tính bằng milimét. Khi trạm chưa theo dõi hết khoảng đó, "
		"trang ghi <em>chưa đủ dữ liệu</em>: mưa thật có thể nhiều "
		"hơn.</p>\n<h2>Số cũ và số nghi ngờ</h2><p>Số liệu cũ được làm mờ và "
		"ghi tuổi. Số <em>nghi ngờ</em> đã qua kiểm tra nhưng chưa chắc đúng; "
		"số <em>không hợp lệ</em> bị gạch đi và không dùng để "
		"tính.</p>\n<h2>Riêng tư</h2><p>Trang không có tài khoản, không có "
		"quảng cáo, không tải gì từ nơi khác. Vị trí của bạn chỉ được tính "
		"trong máy của bạn, không gửi đi. Khi đăng ký cảnh báo, máy chủ giữ "
		"địa chỉ nhận tin do trình duyệt tạo ra, khu vực và lựa chọn của bạn; "
		"bấm \"Thôi nhận\" là xóa hết.</p>\n<h2>Màn hình ở trụ sở</h2><p>Mở <a "
		"href=\"/?kiosk\">/?kiosk</a> trên màn hình lớn: các trạm lần lượt "
		"hiện ra, tự cập nhật.</p>",
};
