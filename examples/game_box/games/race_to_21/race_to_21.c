/* Race to 21, for two to four: add one, two or three; whoever reaches 21 loses.
 *
 * Imports what plug-ins of the first Extism imported (env::extism_*, 0.1), to show that such games run. Its state is
 * one variable: the sum, whose turn it is, and the names as they came, between quotes.
 *
 * Must not know: how it is shown or kept. Invariant: every write into a buffer is bounded; a move that is refused
 * changes nothing. */

typedef unsigned char u8;
typedef unsigned long long u64;

#define ENV(name) __attribute__((import_module("env"), import_name("extism_" #name)))
#define EXPORT(name) __attribute__((export_name(#name))) int name(void)

ENV(alloc) u64 host_alloc(u64 length);
ENV(length) u64 host_length(u64 block);
ENV(load_u8) unsigned host_load(u64 at);
ENV(store_u8) void host_store(u64 at, unsigned byte);
ENV(input_length) u64 host_input_length(void);
ENV(input_load_u8) unsigned host_input(u64 at);
ENV(output_set) void host_output(u64 block, u64 length);
ENV(error_set) void host_error(u64 block);
ENV(var_get) u64 host_var_get(u64 name);
ENV(var_set) void host_var_set(u64 name, u64 value);

enum { LIMIT = 21, PLAYERS = 4, NAME_MAX = 48, INPUT_MAX = 1024, OUTPUT_MAX = 4096 };

struct game {
  u8 sum, turn, players, lengths[PLAYERS];
  char names[PLAYERS][NAME_MAX];
};

static struct game game;
static char input[INPUT_MAX + 1];
static char output[OUTPUT_MAX];
static unsigned written;

static void put(const char *text) {
  while (*text && written < OUTPUT_MAX) output[written++] = *text++;
}

static void put_number(unsigned number) {
  if (number >= 10) put_number(number / 10);
  char digit[2] = {(char)('0' + number % 10), 0};
  put(digit);
}

static u64 block(const char *bytes, unsigned length) {
  u64 at = host_alloc(length);
  for (unsigned i = 0; i < length; i++) host_store(at + i, (u8)bytes[i]);
  return at;
}

static unsigned length_of(const char *text) {
  unsigned length = 0;
  while (text[length]) length++;
  return length;
}

static int refuse(const char *text) {
  host_error(block(text, length_of(text)));
  return 1;
}

static int answer(void) {
  host_output(block(output, written), written);
  return 0;
}

static u64 state_name(void) { return block("game", 4); }

static int load(void) {
  u64 at = host_var_get(state_name());
  if (!at || host_length(at) != sizeof game) return 0;
  for (unsigned i = 0; i < sizeof game; i++) ((u8 *)&game)[i] = (u8)host_load(at + i);
  return 1;
}

static void save(void) { host_var_set(state_name(), block((const char *)&game, sizeof game)); }

static int read_input(void) {
  u64 length = host_input_length();
  if (length > INPUT_MAX) return 0;
  for (u64 i = 0; i < length; i++) input[i] = (char)host_input(i);
  input[length] = 0;
  return 1;
}

/* The text after `"key":`, or null. Whoever sends it writes no spaces and escapes nothing in names. */
static const char *field(const char *key) {
  unsigned length = length_of(key);
  for (const char *at = input; *at; at++) {
    if (*at != '"') continue;
    unsigned i = 0;
    while (i < length && at[1 + i] == key[i]) i++;
    if (i == length && at[1 + i] == '"' && at[2 + i] == ':') return at + 3 + i;
  }
  return 0;
}

/* Copies a text in quotes; answers what follows it, or null. */
static const char *text(const char *at, char *to, u8 *length) {
  *length = 0;
  if (*at != '"') return 0;
  for (at++; *at && *at != '"'; at++) {
    if (*at == '\\' || *length == NAME_MAX) return 0;
    to[(*length)++] = *at;
  }
  return *at == '"' ? at + 1 : 0;
}

static int same(const char *a, unsigned a_length, const char *b, unsigned b_length) {
  if (a_length != b_length) return 0;
  for (unsigned i = 0; i < a_length; i++)
    if (a[i] != b[i]) return 0;
  return 1;
}

static int seat(void) {
  char name[NAME_MAX];
  u8 length;
  const char *at = field("player_id");
  if (!at || !text(at, name, &length)) return -1;
  for (int i = 0; i < game.players; i++)
    if (same(name, length, game.names[i], game.lengths[i])) return i;
  return -1;
}

static void put_name(int player) {
  char name[NAME_MAX + 1];
  for (int i = 0; i < game.lengths[player]; i++) {
    char letter = game.names[player][i];
    name[i] = letter == '<' || letter == '&' ? '?' : letter;
  }
  name[game.lengths[player]] = 0;
  put(name);
}

EXPORT(get_constraints) {
  written = 0;
  put("{\"min_players\":2,\"max_players\":4}");
  return answer();
}

EXPORT(init_game) {
  const char *at = read_input() ? field("player_ids") : 0;
  for (unsigned i = 0; i < sizeof game; i++) ((u8 *)&game)[i] = 0;
  if (!at || *at != '[') return refuse("no players");
  while (*at == '[' || *at == ',') {
    if (game.players == PLAYERS) return refuse("too many players");
    at = text(at + 1, game.names[game.players], &game.lengths[game.players]);
    if (!at) return refuse("a name cannot be read");
    game.players++;
  }
  save();
  return 0;
}

EXPORT(handle_event) {
  char step[NAME_MAX];
  u8 length;
  if (!read_input() || !load()) return refuse("the game has not begun");
  int player = seat();
  if (player < 0) return refuse("you are not playing");
  if (game.sum >= LIMIT) {
    game.sum = 0;
  } else {
    const char *at = field("step");
    if (player != game.turn) return refuse("it is not your turn");
    if (!at || !text(at, step, &length) || length != 1 || *step < '1' || *step > '3') return refuse("add 1, 2 or 3");
    game.sum += (u8)(*step - '0');
    if (game.sum < LIMIT) game.turn = (u8)((game.turn + 1) % game.players);
  }
  save();
  written = 0;
  put("{\"version\":");
  put_number(game.sum);
  put("}");
  return answer();
}

EXPORT(render) {
  if (!read_input() || !load()) return refuse("the game has not begun");
  int me = seat(), over = game.sum >= LIMIT;
  written = 0;
  put("<style>.race{text-align:center}.sum{font-size:4.5rem;font-weight:700;margin:0}.sum small{font-size:1.2rem;"
      "color:var(--muted);font-weight:400}.steps button{font-size:1.3rem;margin:.3rem;min-width:4rem}</style>"
      "<div class=race><p class=sum>");
  put_number(game.sum);
  put("<small> of 21</small></p><p>");
  put_name(game.turn);
  put(over ? " has lost." : me == game.turn ? ": it is your turn." : " is thinking.");
  put("</p><p class=steps>");
  if (me >= 0 && over) put("<button phx-click=again>Play again</button>");
  if (!over && me == game.turn)
    put("<button phx-click=add phx-value-step=1>+1</button><button phx-click=add phx-value-step=2>+2</button>"
        "<button phx-click=add phx-value-step=3>+3</button>");
  put("</p></div>");
  return answer();
}
