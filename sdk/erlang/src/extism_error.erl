%% @private Errors this package gives itself; all others come from the library.
%%
%% Must not know: where they happen. Invariant: the numbers are those of `abi/status.toml'; a test compares them.
-module(extism_error).

-export([error_of/2, text_of/2, codes/0]).

%% @doc The numbers of the statuses that are needed here.
-spec codes() -> #{atom() => non_neg_integer()}.
codes() ->
    #{invalid_utf8 => 101, closed => 102, invalid_argument => 106, manifest_field => 201, timeout => 500}.

-spec error_of(atom(), unicode:chardata()) -> extism_call:error().
error_of(Status, Text) ->
    Message = unicode:characters_to_binary(Text),
    #{status => Status, code => maps:get(Status, codes()), guest_code => undefined, message => Message}.

%% @doc What was raised, for people. Whatever it is, there is a text.
-spec text_of(atom(), term()) -> binary().
text_of(error, #{'__exception__' := true} = Exception) ->
    try
        'Elixir.Exception':message(Exception)
    catch
        _:_ -> text_of(raised, Exception)
    end;
text_of(error, Text) when is_binary(Text) ->
    Text;
text_of(Class, Reason) ->
    unicode:characters_to_binary(io_lib:format("~ts: ~0tp", [Class, Reason])).
