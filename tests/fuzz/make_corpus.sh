#!/usr/bin/env bash
# Writes the seed corpora anew: corpus/NAME/*. The bytes are those of the golden tests (core/wire), of docs/protocol.md
# section 8 and of docs/pm5.md; findings that were mended are added by hand.
#   tests/fuzz/make_corpus.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# seed NAME/FILE HEX...
seed() {
  local file=corpus/$1
  shift
  mkdir -p "${file%/*}"
  printf '%s' "$*" | tr -d ' \n' | sed 's/../\\x&/g' | xargs -0 printf '%b' >"$file"
}

# text NAME/FILE TEXT
text() {
  mkdir -p "corpus/${1%/*}"
  printf '%s' "$2" >"corpus/$1"
}

# The hex of a fenced block of docs/protocol.md.
example() { sed -n "/^\`\`\`hex $1\$/,/^\`\`\`\$/p" ../../docs/protocol.md | grep -v '^```' | sed 's/#.*//' | tr -d ' \n'; }

# chunk: canonical bytes, and one body
seed chunk/constant 42484301 01 01 00 01 01 00 01 02
seed chunk/sparse 42484301 02 01 ac02 08 02 00 0200 00 02 0203 1201
seed chunk/delta 42484301 04 02 01 05 02 00 0304 0000 32343232 d00f000000
seed chunk/nulls 42484301 05 01 00 06 02 00 0b03 0400010202 02 feffffffffffffffff01 020a 0403040304
seed chunk/points 42484301 03 01 00 02 01 01 0303 0206 0205 14fc02d302
seed chunk/bytes 42484301 06 01 fdffffffffffff0f 03 01 02 0103 02 00 0403 64
seed chunk/example "$(example canonical)"
seed chunk/event_body 28b52ffd 20 12 910000 42484301 06 01 00 01 02 02 010101 0002 06 7b7d

# batch: the page's example, each JSON alone, a reply, a digest
seed batch/example "$(example batch)"
seed batch/odd_items 424842010200 31000000 07 00112233445566778899aabbccddeeff \
  0000000000000000000000000000000000000000000000000000000000000000 36000000 02 00112233445566778899aabbccddeeff \
  0000000000000000000000000000000000000000000000000000000000000000 09 00 01 01 00
text batch/birth '{"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","started_ms":-1,"started_known":false,"offset_minutes":-210,"zone":"America/St_Johns","origin":"import","dialect":"ergstick","source_name":"a.csv","title":"5 x 500"}'
text batch/seal '{"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","revision":2,"reason":"silence","streams":{"stroke":{"count":3,"root":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}}'
text batch/reply '{"protocol":1,"epoch":"e","replica_id":"018bcfe5-6800-7abc-8def-0123456789ab","results":[{"result":"stored","server_seq":7,"have":[[0,300],[512,600]]},{"result":"later","detail":"busy","retry_after_s":2}]}'
seed batch/edit 424842010100 2a010000 04 018bcfe568007abc8def0123456789ab \
  789567914b8a78a26d8c07485f81ddb6321f02f27521461078a7746c966d7b72 \
  018bcfe568007abc8def0123456789ab \
  7b226f705f6964223a2230313862636665352d363830302d376162632d386465662d303132333435363738396162222c227265706c6963 \
  615f6964223a2230313862636665352d363830312d376162632d386465662d303132333435363738396162222c226f705f736571223a37 \
  2c227374616d70223a5b313730303030303030303030302c335d2c227365656e223a5b302c305d2c2273657373696f6e223a2230313862 \
  636665352d363830302d376162632d386465662d303132333435363738396162222c226669656c64223a227469746c65222c2276616c75 \
  65223a2235207820353030227d
text batch/digest 'sha-512=:AAAA:, sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:'

# reply: one of each call
text reply/batch '{"protocol":1,"epoch":"e","replica_id":"018bcfe5-6800-7abc-8def-0123456789ab","results":[{"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","kind":"chunk","result":"stored","server_seq":7,"have":[[0,300],[512,600]]},{"result":"later","detail":"busy","retry_after_s":2}]}'
text reply/hello '{"protocol":1,"epoch":"e","replica_id":"018bcfe5-6800-7abc-8def-0123456789ab","athlete":"ath_018bcfe5-6801-7abc-8def-0123456789ab","limits":{"batch_bytes":262144,"batch_items":500},"retry":{"base_ms":1000,"cap_ms":300000},"server_time_ms":1700000000000,"server_seq":99,"purge_safe_seq":88,"backoff_s":5,"fork":true}'
text reply/offer '{"protocol":1,"epoch":"e","replica_id":"018bcfe5-6800-7abc-8def-0123456789ab","results":[{"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","result":"want","birth":true,"revision":3,"streams":{"sample":{"have":[[0,256]],"gone":[[256,512]]}}},{"rec_id":"018bcfe5-6801-7abc-8def-0123456789ab","result":"gone","birth":false,"revision":0,"streams":{}}]}'
text reply/verify '{"protocol":1,"epoch":"e","replica_id":"018bcfe5-6800-7abc-8def-0123456789ab","results":[{"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","result":"stored","streams":{"sample":{"count":300,"root":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","visible":200}}},{"rec_id":"018bcfe5-6801-7abc-8def-0123456789ab","result":"unknown","streams":{}}]}'
text reply/changes '{"protocol":1,"epoch":"e","replica_id":"018bcfe5-6800-7abc-8def-0123456789ab","since":16,"changes":[{"seq":17,"kind":"birth","rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","sha256":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","json":"{}"},{"seq":18,"kind":"chunk","rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","stream":"sample","from":0,"to":256,"version":1,"bytes":1204},{"seq":19,"kind":"seal","rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","sha256":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","revision":4,"json":"{}"},{"seq":20,"kind":"edit","rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","sha256":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","op_id":"018bcfe5-6800-7abc-8def-0123456789ab","json":"{}","effective":[1700000000000,0]},{"seq":25,"kind":"gone","rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","stream":"stroke","from":5,"to":100000},{"seq":30,"kind":"gone","rec_id":"018bcfe5-6800-7abc-8def-0123456789ab"}],"next":30,"more":true}'

# native: numbers with NULL, texts and lists; the same block twice; two blocks of different types
block='03 02 016e 0555496e7438 07ff 016d 104e756c6c61626c652855496e74313629 0001 2c010000 0174 06537472696e67 02686900'
seed native/block "$block"
seed native/joined "$block" "$block"
seed native/lists 02 02 0161 0d41727261792855496e74313629 0000000000000000 0200000000000000 18002900 \
  0164 0455554944 00112233445566778899aabbccddeeff 00112233445566778899aabbccddeeff
seed native/other_type 01 01 0161 0655496e743136 2c01 01 01 0161 0555496e7438 2c

# packed: a session row of zeros, and one with a title and its first list two long
zeros() { printf '%0*d' $((2 * $1)) 0; }
seed packed/zeros "$(zeros 202)"
seed packed/titled "$(zeros 64) 05 68656c6c6f $(zeros 5) 02 $(zeros 32) $(zeros 131)"

# request: one of each call, and edits
text request/hello '{"protocol":[1,3],"salt":"00112233aabbccff","epoch":"e","cursor":17,"pending":{"recordings":2,"items":40,"bytes":123456,"oldest_age_s":61}}'
text request/offer '{"recordings":[{"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","streams":{"sample":[[0,512],[768,1024]],"source":[[0,9007199254740992]]}},{"rec_id":"018bcfe5-6801-7abc-8def-0123456789ab","streams":{}}]}'
text request/verify '{"recordings":[{"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","revision":3,"streams":{"sample":{"count":300,"root":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}},{"rec_id":"018bcfe5-6801-7abc-8def-0123456789ab","revision":1,"streams":{}}]}'
text request/title '{"op_id":"018bcfe5-6800-7abc-8def-0123456789ab","replica_id":"018bcfe5-6801-7abc-8def-0123456789ab","op_seq":7,"stamp":[1700000000000,3],"seen":[0,0],"session":"018bcfe5-6800-7abc-8def-0123456789ab","field":"title","value":"5 x 500"}'
text request/tag '{"op_id":"018bcfe5-6800-7abc-8def-0123456789ab","replica_id":"018bcfe5-6801-7abc-8def-0123456789ab","op_seq":7,"stamp":[1700000000000,3],"seen":[0,0],"session":"018bcfe5-6800-7abc-8def-0123456789ab","field":"tag:race","value":false}'
text request/link '{"op_id":"018bcfe5-6800-7abc-8def-0123456789ab","replica_id":"018bcfe5-6801-7abc-8def-0123456789ab","op_seq":7,"stamp":[1700000000000,3],"seen":[0,0],"session":"018bcfe5-6800-7abc-8def-0123456789ab","field":"link:018bcfe5-6801-7abc-8def-0123456789ab","value":true}'
text request/primary '{"op_id":"018bcfe5-6800-7abc-8def-0123456789ab","replica_id":"018bcfe5-6801-7abc-8def-0123456789ab","op_seq":7,"stamp":[1700000000000,3],"seen":[0,0],"session":"018bcfe5-6800-7abc-8def-0123456789ab","field":"primary:stroke","value":"018bcfe5-6801-7abc-8def-0123456789ab"}'
text request/notes '{"op_id":"018bcfe5-6800-7abc-8def-0123456789ab","replica_id":"018bcfe5-6801-7abc-8def-0123456789ab","op_seq":7,"stamp":[1700000000000,3],"seen":[0,0],"session":"018bcfe5-6800-7abc-8def-0123456789ab","field":"notes","value":null}'

# notification: characteristic, milliseconds / 16, length, payload
seed notification/general 31 00 13 b01d00e00b000301010102000000d007008079
seed notification/merged 31 0a 13 b01d00e00b000301010102000000d007008079 32 01 11 b01d00 1a10 18 8c 2f00 3000 0000 000000 00 \
  33 01 14 b01d00 00 c800 0500 3000 c800 0000 000000 000000 31 20 13 d01d00f00b000301010102000000d007008079
seed notification/stroke 35 05 14 b01d00e00b00 8c 50 7800 5203 e803 f401 1027 0100 36 01 0f b01d00 c800 e803 0100 580200 d00700
seed notification/curve 3d 00 14 2900 0a001400320064008200960082006400 3200 3d 01 08 2301 28001e000a00
seed notification/multiplexed 80 00 14 31 b01d00e00b000301010102000000d007008079 80 00 14 3d2900 0a00140032006400820096008200 64
seed notification/refused 31 00 02 0102 99 00 01 ff 80 00 00 3d 00 03 1f0500
seed notification/summary 39 00 14 cb2d 1e10 b01d00 e00b00 18 8c 82 50 9b 79 64 05 e803 3a 01 13 cb2d 1e10 00 f401 05 6400 c800 000000 0000 0000

# json
text json/all '{"a":[1,-2.5e3,true,false,null,"\u00e9\ud83d\udea3 \"\\\/\b\f\n\r\t"],"b":{"c":{}},"n":9223372036854775807}'
text json/surrogate '"\ud83d"'
text json/deep '[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]'
text json/numbers '[0,-0,1e400,123456789012345678901234567890,0.1,1E-5,-9223372036854775808]'
text json/broken '{"a":1,"a":2,}'

# import: the first byte chooses the header (import_fuzz.cpp); a few rows of each dialect, good and bad, and a zone's rule
text import/ergstick '01.0,200,4,600.00,600.00,4.1,1,0
2.0,200,4,600.00,600.00,8.1,1,1
0.5,x,7,20,2000,0.1,2,2
'
text import/rowingdata '11463751686.96239, 0, 2.8, 960, 0
1463751690.20054, 1, 6.06, 1410, -1
'
text import/painsled '21571471226.6461005, 1.47, 0
'
text import/hero $'32021-04-26 06:37:32 -07:00,15\',3521.3,2:07.8,167.7,20,106,142,2:07.5\n,,,,,,,,\nStroke #,Time,Split,Peak Drive Force (N),Stroke Length\n1,0:01.4,4:12.5,241.1,103\n'
text import/logbook $'41,0.7,2.4,163.3,80,576\n2,"3.3",,"",inf,1e9\n3,1.0,0.4,1,1,1\n'
text import/ergdata $'5"1","3.9","12.0"\r\n"2","7.1'
text import/season $'61,2024-01-02 10:00:00,"a, ""b""","""10:00.0""",60,2500,2:00.0,BikeErg\n2,soon,,,,x,,\n3,1999-01-01,,1:02:03.4,,5,1:00,SkiErg\n'
text import/whole $'7Stroke Number,Time (seconds)\n1,2\n'
text import/rule 'CET-1CEST,M3.5.0,M10.5.0/3'

# page: the first byte chooses the call (the table in device/page/page.cpp): '3' is the first, '4' the second, ...
own=$'127.0.0.1:80\n-\nsame-origin\n-\n'
own_post=$'127.0.0.1:80\nhttp://127.0.0.1:80\nsame-origin\napplication/json\n'
text page/status "3$own"$'\n\n'
text page/sessions "4$own"$'\nlimit=5\n'
text page/records "6$own"$'@\nstream=sample&fields=at_s,pace_s_per_500m&from=3\n'
text page/edit "7$own_post"$'@\n\n{"title":"a","notes":null,"add_tags":["x"],"remove_tags":["y"],"deleted":true}'
text page/fetch "8$own_post"$'@\n\n{}'
text page/conflict ":$own_post"$'@-title\n\n{"keep":"both"}'
text page/storage "<$own_post"$'\n\n{"cap_bytes":100,"free_bytes":1}'
text page/sign_in "@$own_post"$'\n\n{"key":"k"}'
text page/stranger $'9evil.example\nhttp://evil.example\ncross-site\ntext/plain\n\n\n'
text page/ipv6 $'3[::1]:80\n-\n-\n-\n\n\n'

# damaged_file: how many of the rest are the log, in units of 8 bytes (two bytes); the file; its log. SQLite's own log has
# random salts, so these differ from run to run.
mkdir -p corpus/damaged_file
python3 - <<'END'
import os, sqlite3, tempfile
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, 'boats.db')
    boats = sqlite3.connect(path, isolation_level=None)
    for sql in ('PRAGMA page_size=4096', 'PRAGMA auto_vacuum=2', 'PRAGMA journal_mode=wal', 'PRAGMA wal_autocheckpoint=0',
                'CREATE TABLE boat(id INTEGER PRIMARY KEY, name TEXT NOT NULL, seats INTEGER, length REAL)',
                'CREATE TABLE oar(boat INTEGER, number INTEGER, PRIMARY KEY(boat, number)) WITHOUT ROWID'):
        boats.execute(sql)
    for i in range(1, 8):
        boats.execute('INSERT INTO boat VALUES (?, ?, ?, ?)', (i, chr(96 + i) * (9000 if i == 4 else 30), -i, i / 3))
        boats.execute('INSERT INTO oar VALUES (?, 1000000)', (i,))
    boats.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    def save(name):
        file, log = open(path, 'rb').read(), open(path + '-wal', 'rb').read()
        assert len(log) % 8 == 0
        open('corpus/damaged_file/' + name, 'wb').write((len(log) // 8).to_bytes(2, 'little') + file + log)
    save('file')
    boats.execute('DELETE FROM boat WHERE id = 4')
    boats.execute("UPDATE boat SET name = 'in the log' WHERE id = 2")
    save('file_and_log')
END

# http: whatever a header or the target may be
text http/target '/v1/sessions/ses_018bcfe5-6800-7abc-8def-0123456789ab/strokes?limit=5&from=2024-01-02T10:00:00%2B02:00'
text http/absolute 'http://example.com/a/b%2Fc/?a=1&b=x%20y+z&&c'
text http/dots '/a/%2e%2e/b'
text http/accept 'gzip;q=0.5, identity;q=0.1, *;q=0'
text http/etags 'W/"abc", "abc-gzip", *'
text http/digest 'sha-512=:AAAA:, sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:'
text http/media 'application/problem+json; charset=utf-8'
text http/ipv4 '127.0.0.1:8080'
text http/ipv6 '[2001:db8::1]:0'
text http/mapped '::ffff:192.0.2.7'
seed http/zstd 28b52ffd 20 12 910000 42484301 06 01 00 01 02 02 010101 0002 06 7b7d

# token: cursors are signed with the secret of token_fuzz.cpp
payload=01$(printf '%016x' 1700000000000 | sed 's/../& /g' | awk '{for (i = NF; i > 0; --i) printf "%s", $i}')018bcfe568007abc8def0123456789ab
signature=$({ printf '%s' "$payload" | sed 's/../\\x&/g' | xargs -0 printf '%b'; printf scope; } |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(printf '010203%058d' 0)" -r | cut -c1-32)
text token/cursor "$(printf '%s' "$payload$signature" | sed 's/../\\x&/g' | xargs -0 printf '%b' | base64 -w0 | tr '+/' '-_' | tr -d =)"
text token/athlete 'ath_018bcfe5-6800-7abc-8def-0123456789ab'
text token/key 'key_018bcfe5-6800-7abc-8def-0123456789ab'
text token/scope 'webhooks:manage'
text token/webhook 'https://example.com:8443/in?x=1'
text token/address 'https://[2606:4700::1111]/'
text token/number_host 'https://2130706433/'
text token/wrapped '::ffff:10.0.0.1'
text token/loopback 'http://127.0.0.1:8080/'
text token/time '2024-01-02T10:00:00.5+02:00'
text token/range '0-256'
text token/manifest '{"format":1,"made_ms":1700000000000,"epoch":"e","last_seq":7,"chunks":1,"chunk_root":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","databases":[{"name":"ledger","schema_version":5,"tables":{"recording":{"rows":1,"sum":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}}],"files":[{"name":"ledger.db","bytes":4096,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}],"segments":[{"file":"a.seg","from":1,"to":7,"bodies":1,"bytes":10,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]}'

# route: method + 5 * whose key (0 nobody's, 1 Anna's, 2 Ben's, 3 the operator's) as one character; target; headers; body
route() {
  local name=$1 method=$2 whose=$3
  shift 3
  mkdir -p corpus/route
  printf "\\x$(printf '%02x' $((method + 5 * whose)))%b" "$*" >"corpus/route/$name"
}
get=0 post=1 put=2 patch=3 delete=4 anna=1 operator=3
json='Content-Type: application/json\n'
replica='Boathouse-Replica: 018bcfe5-6800-7abc-8def-0123456789ab\n'
rec=018bcfe5-6800-7abc-8def-0123456789ab
route athlete $post $operator "/v1/athletes\n$json\n{\"name\":\"Chloë\"}"
route athletes $get $operator "/v1/athletes?limit=2&cursor=ath_$rec\n\n"
route key $post $operator "/v1/keys\n$json\n{\"athlete_name\":\"Anna\",\"scopes\":[\"sessions:read\"],\"expires_in_days\":3,\"label\":\"x\"}"
route keys $get $operator '/v1/keys?limit=50\n\n'
route key_once $post $operator "/v1/keys\n${json}Idempotency-Key: \"a-1\"\n\n{\"athlete_name\":\"Anna\"}"
route rotate_key $post $operator "/v1/keys/key_$rec/rotate\n$json\n{\"overlap_hours\":1}"
route revoke $delete $operator "/v1/keys/key_$rec\n\n"
route webhook $post $anna "/v1/webhooks\n$json\n{\"url\":\"https://example.com/in\",\"events\":[\"session.created\"]}"
route change_webhook $patch $anna "/v1/webhooks/whk_$rec\n${json}If-Match: *\n\n{\"enabled\":false,\"events\":null}"
route deliveries $get $anna "/v1/webhooks/whk_$rec/deliveries?limit=5&cursor=whd_$rec\n\n"
route replay $post $anna "/v1/webhooks/whk_$rec/deliveries/whd_$rec/replay\n\n"
route hello $post $anna "/v1/sync/hello\n$json$replica\n{\"protocol\":[1,3],\"salt\":\"00112233aabbccff\",\"epoch\":\"\",\"cursor\":0,\"pending\":{\"recordings\":2,\"items\":40,\"bytes\":123456,\"oldest_age_s\":61}}"
route offer $post $anna "/v1/sync/offer\n$json$replica\n{\"recordings\":[{\"rec_id\":\"$rec\",\"streams\":{\"sample\":[[0,512]]}}]}"
route verify $post $anna "/v1/sync/verify\n$json$replica\n{\"recordings\":[{\"rec_id\":\"$rec\",\"revision\":1,\"streams\":{}}]}"
route changes $get $anna "/v1/sync/changes?since=0&limit=10\n$replica\n"
route chunk $get $anna "/v1/recordings/$rec/sample/0-256\n$replica\n"
route put_chunk $put $anna "/v1/recordings/$rec/sample/0-256\nContent-Type: application/vnd.boathouse.chunk\nBoathouse-Catalogue-Version: 1\n$replica\nx"
route batch $post $anna "/v1/sync/batch\nContent-Type: application/vnd.boathouse.batch\n$replica\n"
cat corpus/batch/example >>corpus/route/batch
route coded_batch $post $anna "/v1/sync/batch\nContent-Type: application/vnd.boathouse.batch\nContent-Encoding: zstd\nContent-Digest: sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:\n$replica\nx"
route trail $get $anna "/v1/recordings/rec_$rec/trail\n\n"
route audit $get $operator "/v1/audit?after=0&limit=100&kind=submission&athlete=ath_$rec\n\n"
route sessions $get $anna '/v1/sessions?limit=5&cursor=x&from=2024-01-02T00:00:00Z\nAccept-Encoding: gzip\n\n'
route csv $get $anna "/v1/sessions/ses_$rec/export.csv?streams=sample,stroke\nIf-None-Match: \"x\"\n\n"
route team $post $anna "/v1/teams\n$json\n{\"name\":\"Eight\"}"
route join_team $post $anna "/v1/teams/join\n$json\n{\"code\":\"0000-0000-0000\"}"
route invite $post $anna "/v1/teams/team_$rec/invitation\n$json\n{}"
route member $put $operator "/v1/teams/team_$rec/members/ath_$rec\n\n"
route pair $post $anna "/v1/pairings\n$json\n{}"
route claim $post 0 "/v1/pairings/claim\n$json\n{\"code\":\"0000-0000\",\"device_name\":\"phone\"}"
route me $patch $anna "/v1/me\n${json}If-Match: *\n\n{\"name\":\"Zoë\",\"locale\":\"en\",\"email\":null}"
route my_keys $get $anna '/v1/me/keys?limit=5\n\n'
route rule $put $operator "/v1/retention/rules\n$json\n{\"scope\":\"athlete:ath_$rec\",\"grain\":\"sample\",\"years\":10}"
route hold $post $operator "/v1/retention/holds\n$json\n{\"scope\":\"all\",\"reason\":\"a test\"}"
route plan $get $operator '/v1/retention/plan\n\n'
route erasure $post $operator "/v1/athletes/ath_$rec/erasure\n$json\n"
route reconcile $get $operator '/v1/reconcile\n\n'
route ready $get 0 '/readyz\n\n'
route stranger $get 0 '/v1/sessions\nAuthorization: Bearer rk_live_x\n\n'
