%% @doc Manifests as maps.
%%
%% Keys are atoms, binaries or strings, as in `#{wasm => [#{path => "a.wasm"}]}'; a module given inline is a binary
%% under `data'. What is `undefined', or `nil', is not there.
%%
%% Must not know: which fields there are; the library says what it does not know. Invariant: inline modules
%% are handed over as they are, without a copy.
-module(extism_manifest).

-export([to_native/1, to_json/1]).
-export_type([manifest/0, source/0]).

-type manifest() :: map().
-type source() :: binary() | manifest().
%% A module, text or binary; a manifest as JSON or TOML; a manifest as a map.

%% @private What the library takes.
-spec to_native(source()) -> extism_call:result(binary() | {binary(), [binary()]}).
to_native(Source) when is_binary(Source) ->
    {ok, Source};
to_native(Source) when is_map(Source) ->
    try
        {Json, Inline} = object(Source, root, []),
        {ok, {iolist_to_binary(Json), lists:reverse(Inline)}}
    catch
        throw:{Status, Text} -> {error, extism_error:error_of(Status, Text)}
    end;
to_native(Source) ->
    Text = io_lib:format("~0tp is neither bytes nor a manifest", [Source]),
    {error, extism_error:error_of(invalid_argument, Text)}.

%% @doc A manifest without inline modules as JSON.
-spec to_json(manifest()) -> extism_call:result(binary()).
to_json(Manifest) ->
    case to_native(Manifest) of
        {ok, {Json, []}} -> {ok, Json};
        {ok, _} -> {error, extism_error:error_of(invalid_argument, "the manifest has inline modules")};
        {error, _} = Error -> Error
    end.

object(Map, Place, Inline) ->
    Pairs = [{key(Key), Value} || {Key, Value} <- maps:to_list(Map), Key =/= '__struct__'],
    Given = [Pair || {_, Value} = Pair <- lists:sort(Pairs), Place =:= config orelse is_given(Value)],
    {Members, Last} = lists:mapfoldl(fun(Pair, Acc) -> member(Pair, Place, Acc) end, Inline, Given),
    {[${, lists:join($,, Members), $}], Last}.

is_given(Value) -> Value =/= undefined andalso Value =/= nil.

key(Key) when is_atom(Key) -> atom_to_binary(Key, utf8);
key(Key) -> text(Key).

member({Key, Value}, Place, Inline) ->
    {Json, Next} = value(Value, place(Place, Key), Inline),
    {[string(Key), $:, Json], Next}.

%% Where something stands decides what a list is.
place(root, <<"wasm">>) -> modules;
place(root, <<"allowed_hosts">>) -> list;
place(root, <<"config">>) -> config;
place(module, <<"data">>) -> data;
place(_, _) -> other.

value(Map, modules, Inline) when is_map(Map) -> array([Map], module, Inline);
value(Modules, modules, Inline) when is_list(Modules) -> array(Modules, module, Inline);
value(Wasm, module, Inline) when is_binary(Wasm) -> object(#{data => Wasm}, module, Inline);
value(Texts, list, Inline) when is_list(Texts) -> array(Texts, other, Inline);
value(Wasm, data, Inline) when is_binary(Wasm) ->
    Next = [Wasm | Inline],
    Length = integer_to_binary(byte_size(Wasm)),
    {[<<"{\"ptr\":">>, integer_to_binary(length(Next)), <<",\"len\":">>, Length, $}], Next};
value(Map, Place, Inline) when is_map(Map) -> object(Map, Place, Inline);
value(true, _, Inline) -> {<<"true">>, Inline};
value(false, _, Inline) -> {<<"false">>, Inline};
value(None, _, Inline) when None =:= nil; None =:= undefined; None =:= null -> {<<"null">>, Inline};
value(Atom, _, Inline) when is_atom(Atom) -> {string(atom_to_binary(Atom, utf8)), Inline};
value(Number, _, Inline) when is_integer(Number) -> {integer_to_binary(Number), Inline};
value(Number, _, Inline) when is_float(Number) -> {io_lib:format("~p", [Number]), Inline};
value(Text, _, Inline) -> {string(text(Text)), Inline}.

array(Values, Place, Inline) ->
    {Items, Next} = lists:mapfoldl(fun(Value, Acc) -> value(Value, Place, Acc) end, Inline, Values),
    {[$[, lists:join($,, Items), $]], Next}.

text(Text) when is_binary(Text); is_list(Text) ->
    try unicode:characters_to_binary(Text) of
        Binary when is_binary(Binary) -> Binary;
        _ -> throw({invalid_utf8, "a text of the manifest is not UTF-8"})
    catch
        error:badarg -> throw(unknown(Text))
    end;
text(Other) ->
    throw(unknown(Other)).

unknown(Term) ->
    {manifest_field, io_lib:format("~0tp has no place in a manifest", [Term])}.

string(Text) ->
    [$", << <<(escape(Character))/binary>> || <<Character/utf8>> <= Text >>, $"].

escape($") -> <<"\\\"">>;
escape($\\) -> <<"\\\\">>;
escape(Control) when Control < 32 -> iolist_to_binary(io_lib:format("\\u~4.16.0b", [Control]));
escape(Character) -> <<Character/utf8>>.
