"""Phrases in languages of Africa and Asia: Swahili, Hindi, Arabic, Indonesian, Japanese.

Data only, all of it invented. `{d}` stands for a disease, `{p}` for a place.
"""

STATEMENTS = {
    "sw": """
siku ya tatu kitandani na {d}, nyumba nzima inakohoa
Habari mpya: wagonjwa wapya wa {d} {p}, wasema madaktari
Jirani yangu ana {d}, hakuna anayesema chochote
Kuna mwingine {p} mwenye {d}?
Hospitali ya {p} imejaa wagonjwa wa {d}
Tahadhari: osheni mikono, kuna {d} shuleni
Chanjo ya {d} inaanza Jumatatu {p}
tena {d}, nimechoka
""",
    "hi": """
{d} के साथ बिस्तर पर तीसरा दिन, पूरा घर खाँस रहा है
ताज़ा खबर: {p} में {d} के नए मामले, अस्पताल ने बताया
मेरे पड़ोसी को {d} है और कोई कुछ नहीं कहता
क्या {p} में किसी और को {d} है?
{p} का अस्पताल {d} के मरीज़ों से भरा है
सावधान: हाथ धोएँ, स्कूल में {d} फैल रहा है
{p} में सोमवार से {d} के खिलाफ अभियान
फिर से {d}, अब और नहीं
""",
    "ar": """
اليوم الثالث في الفراش مع {d}، البيت كله مريض
عاجل: حالات جديدة من {d} في {p} حسب المستشفى
جارتي مصابة بمرض {d} ولا أحد يتكلم
هل هناك أحد في {p} مصاب بمرض {d}؟
مستشفى {p} ممتلئ بسبب {d}
تحذير: اغسلوا أيديكم, انتشار {d} في المدرسة
حملة ضد {d} في {p} تبدأ يوم الاثنين
مرة أخرى {d} تعبت
""",
    "id": """
hari ketiga di kasur kena {d}, serumah batuk semua
Kabar terbaru: kasus baru {d} di {p}, kata klinik
Tetangga saya kena {d}, tidak ada yang bilang
Ada lagi yang kena {d} di {p}?
Rumah sakit di {p} penuh, semua karena {d}
Waspada: cuci tangan, ada {d} di sekolah
Vaksin {d} di {p} mulai hari Senin
lagi-lagi {d}, capek
""",
    "ja": """
{d}で寝込んで三日目、家族みんな咳をしている
速報：{p}で{d}の新しい患者が確認された
隣の人が{d}らしい
{p}で{d}にかかった人いますか？
{p}の病院は{d}でいっぱい
注意：手を洗いましょう, 学校で{d}が流行中
月曜から{p}で{d}の予防接種
また{d}、もう無理
""",
}

CHATTER = {
    "sw": """
basi la {p} limechelewa tena, ajabu
Machweo mazuri leo {p}
Nani anakuja kwenye mechi leo?
natafuta nyumba {p}, vyumba viwili
""",
    "hi": """
{p} की बस आज फिर देर से आई
आज {p} में क्या शाम है
आज रात मैच देखने कौन आ रहा है?
{p} में दो कमरे का घर ढूँढ रहा हूँ
""",
    "ar": """
الحافلة في {p} متأخرة مرة أخرى
ما أجمل الغروب في {p} اليوم
من سيأتي إلى المباراة الليلة؟
أبحث عن شقة في {p} من غرفتين
""",
    "id": """
bus di {p} telat lagi, kejutan
Senja di {p} bagus sekali
Siapa ikut nonton bola nanti malam?
cari kos di {p}, dua kamar
""",
    "ja": """
{p}のバスがまた遅れた
今日の{p}の夕焼けがきれい
今夜の試合、誰か来る？
{p}で部屋を探しています
""",
}

FEELINGS = {
    "sw": """
ninaogopa sana
wiki ya huzuni
nimepona, asante
furaha kubwa
tushirikiane
""",
    "hi": """
बहुत डर लग रहा है
कितना दुखद
अब बेहतर हूँ, धन्यवाद
बहुत खुशी हुई
कृपया शेयर करें
""",
    "ar": """
أنا خائف جدا
أسبوع حزين
الحمد لله تحسنت
فرحة كبيرة
شاركوا من فضلكم
""",
    "id": """
takut banget
minggu yang sedih
sudah sembuh, terima kasih
senang sekali
tolong sebarkan
""",
    "ja": """
とても怖い
悲しい一週間
元気になりました、ありがとう
うれしい！
拡散希望
""",
}

BIOS = {
    "sw": """
Mwalimu, msomaji
Chai na mpira
""",
    "hi": """
चाय, किताबें, बारिश
अध्यापक
""",
    "ar": """
قهوة, كتب ومطر
معلم وقارئ
""",
    "id": """
Kopi, buku, hujan
guru dan pelari
""",
    "ja": """
紅茶と電車と猫
本, 雨, 散歩
""",
}
