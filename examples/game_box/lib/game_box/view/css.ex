defmodule GameBox.View.Css do
  @moduledoc """
  Style sheets and style attributes of a game, rewritten from what is allowed.

  The sheet is used in a shadow tree, so its selectors match nothing but the game; what is left to do is to keep it
  from loading anything, and from leaving its place on the page.

  Invariant: the result has no address, no escape, no import and no font; functions, properties and at-rules are those
  listed here.
  """

  @functions ~w(rgb rgba hsl hsla hwb lab lch oklab oklch color-mix light-dark calc min max clamp round mod abs
                var env linear-gradient radial-gradient conic-gradient repeating-linear-gradient
                repeating-radial-gradient repeating-conic-gradient repeat minmax fit-content
                translate translatex translatey translate3d rotate rotatex rotatey rotatez rotate3d scale scalex scaley
                scale3d skew skewx skewy matrix perspective cubic-bezier steps linear blur brightness contrast
                drop-shadow grayscale hue-rotate invert opacity saturate sepia circle ellipse inset polygon counter attr)

  @properties ~w(accent-color align-content align-items align-self animation animation-delay animation-direction
                 animation-duration animation-fill-mode animation-iteration-count animation-name
                 animation-play-state animation-timing-function appearance aspect-ratio backface-visibility
                 background background-attachment background-blend-mode background-clip background-color
                 background-image background-origin background-position background-repeat background-size
                 block-size border border-block border-bottom border-bottom-color border-bottom-left-radius
                 border-bottom-right-radius border-bottom-style border-bottom-width border-collapse border-color
                 border-inline border-left border-left-color border-left-style border-left-width border-radius
                 border-right border-right-color border-right-style border-right-width border-spacing border-style
                 border-top border-top-color border-top-left-radius border-top-right-radius border-top-style
                 border-top-width border-width bottom box-decoration-break box-shadow box-sizing break-after
                 break-before break-inside caption-side caret-color clear clip-path color color-scheme column-count
                 column-gap column-rule column-span column-width columns content counter-increment counter-reset
                 cursor direction display dominant-baseline empty-cells fill fill-opacity fill-rule filter flex
                 flex-basis flex-direction flex-flow flex-grow flex-shrink flex-wrap float font font-family
                 font-feature-settings font-kerning font-size font-style font-variant font-variant-numeric
                 font-weight gap grid grid-area grid-auto-columns grid-auto-flow grid-auto-rows grid-column
                 grid-column-end grid-column-gap grid-column-start grid-gap grid-row grid-row-end grid-row-gap
                 grid-row-start grid-template grid-template-areas grid-template-columns grid-template-rows height
                 hyphens inline-size inset isolation justify-content justify-items justify-self left letter-spacing
                 line-height list-style list-style-position list-style-type margin margin-block margin-bottom
                 margin-inline margin-left margin-right margin-top max-block-size max-height max-inline-size
                 max-width min-block-size min-height min-inline-size min-width mix-blend-mode object-fit
                 object-position opacity order outline outline-color outline-offset outline-style outline-width
                 overflow overflow-wrap overflow-x overflow-y padding padding-block padding-bottom padding-inline
                 padding-left padding-right padding-top perspective perspective-origin place-content place-items
                 place-self pointer-events position quotes resize right rotate row-gap scale scroll-behavior
                 scrollbar-width stroke stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin
                 stroke-opacity stroke-width tab-size table-layout text-align text-anchor text-decoration
                 text-decoration-color text-decoration-line text-decoration-style text-indent text-overflow
                 text-shadow text-transform text-underline-offset text-wrap top touch-action transform
                 transform-origin transform-style transition transition-delay transition-duration
                 transition-property transition-timing-function translate unicode-bidi user-select vertical-align
                 visibility white-space width word-break word-spacing word-wrap writing-mode z-index)

  @sheet_bytes_max 64 * 1024
  @nesting_max 4

  @doc "A style sheet. What cannot be read is left out, as browsers do."
  @spec sheet(binary()) :: String.t()
  def sheet(text) when byte_size(text) > @sheet_bytes_max, do: ""
  def sheet(text), do: text |> without_comments() |> blocks() |> rules(0)

  @doc "The declarations of a style attribute."
  @spec declarations(binary()) :: String.t()
  def declarations(text) do
    text
    |> without_comments()
    |> split(?;)
    |> Enum.map_join(&declaration/1)
  end

  @doc "Whether a value neither loads anything nor can be read in two ways."
  @spec safe_value?(binary()) :: boolean()
  def safe_value?(value) do
    if String.valid?(value) and not (value =~ ~r/[\\<>]|[[:cntrl:]]/u) do
      bare = Regex.replace(~r/"[^"]*"|'[^']*'/u, value, " ")

      not (bare =~ ~r/["'@{};]/) and nesting(bare) == 0 and
        bare |> functions() |> Enum.all?(&(&1 in @functions))
    else
      false
    end
  end

  # Every word before a parenthesis, spaces between them included: more than CSS takes for functions, never less.
  defp functions(bare) do
    # Looked at from the beginning of a word only, once: a long one is no work.
    for [_, name] <- Regex.scan(~r/(?<![^\s(),\/+*])([^\s(),\/+*]++)\s*+\(/u, bare),
        do: name |> String.downcase() |> String.trim_leading("-")
  end

  defp nesting(text) do
    for <<letter::utf8 <- text>>, letter in [?(, ?)], reduce: 0 do
      :bad -> :bad
      0 when letter == ?) -> :bad
      depth when letter == ?( -> depth + 1
      depth -> depth - 1
    end
  end

  # A comment becomes a space, so that nothing grows together. One without an end takes the rest with it.
  defp without_comments(text) do
    text = if String.valid?(text), do: text, else: ""
    text = Regex.replace(~r{/\*.*?(\*/|\z)}su, text, " ")
    Regex.replace(~r/<!--|-->/u, text, " ")
  end

  # A text as a list of `{prelude, block}`, and of statements without a block, which are dropped.
  defp blocks(text), do: blocks(text, [], [])

  defp blocks("", _prelude, found), do: Enum.reverse(found)
  defp blocks(";" <> rest, _prelude, found), do: blocks(rest, [], found)
  defp blocks("}" <> rest, _prelude, found), do: blocks(rest, [], found)

  defp blocks("{" <> rest, prelude, found) do
    {block, rest} = block(rest, 1, [])
    blocks(rest, [], [{prelude |> Enum.reverse() |> IO.iodata_to_binary() |> String.trim(), block} | found])
  end

  defp blocks(<<quote_, _::binary>> = text, prelude, found) when quote_ in [?", ?'] do
    {string, rest} = string(text)
    blocks(rest, [string | prelude], found)
  end

  defp blocks(<<letter, rest::binary>>, prelude, found), do: blocks(rest, [letter | prelude], found)

  defp block("", _depth, inside), do: {done(inside), ""}
  defp block("}" <> rest, 1, inside), do: {done(inside), rest}
  defp block("}" <> rest, depth, inside), do: block(rest, depth - 1, [?} | inside])
  defp block("{" <> rest, depth, inside), do: block(rest, depth + 1, [?{ | inside])

  defp block(<<quote_, _::binary>> = text, depth, inside) when quote_ in [?", ?'] do
    {string, rest} = string(text)
    block(rest, depth, [string | inside])
  end

  defp block(<<letter, rest::binary>>, depth, inside), do: block(rest, depth, [letter | inside])

  defp done(inside), do: inside |> Enum.reverse() |> IO.iodata_to_binary()

  # A string ends at its quote; one that does not end on its line is none.
  defp string(<<quote_, rest::binary>>) do
    case :binary.match(rest, [<<quote_>>, "\n"]) do
      {at, 1} ->
        <<text::binary-size(at), last, rest::binary>> = rest
        if last == quote_, do: {[quote_, text, quote_], rest}, else: {"", rest}

      :nomatch ->
        {"", ""}
    end
  end

  defp rules(_blocks, depth) when depth > @nesting_max, do: ""
  defp rules(blocks, depth), do: Enum.map_join(blocks, &rule(&1, depth))

  defp rule({"@" <> at, block}, depth), do: at_rule(String.split(at, ~r/[\s(]/u, parts: 2), at, block, depth)

  defp rule({selector, block}, _depth) do
    with true <- safe_selector?(selector),
         declarations when declarations != "" <- declarations(block) do
      "#{selector} { #{declarations}}\n"
    else
      _ -> ""
    end
  end

  defp at_rule([name | _], at, block, depth) do
    case String.downcase(name) do
      condition when condition in ["media", "supports", "container", "layer"] ->
        inner = block |> blocks() |> rules(depth + 1)
        safe? = at =~ ~r/^[\w\s:().,<>=%\/-]+$/u and not (at =~ ~r/(url|src|image)/i)
        if safe? and inner != "", do: "@#{at} { #{inner}}\n", else: ""

      "keyframes" ->
        frames =
          for {stop, block} <- blocks(block),
              stop =~ ~r/^[\w\s%.,]+$/,
              do: "#{stop} { #{declarations(block)}} "

        if at =~ ~r/^\w+\s+[\w-]+$/, do: "@#{at} { #{frames}}\n", else: ""

      _ ->
        ""
    end
  end

  # A shadow tree's sheet reaches out of it by these alone.
  defp safe_selector?(selector) do
    selector =~ ~r/^[\p{L}\p{N}_\s.#:,>+~*()\[\]="'|^$-]+$/u and
      not (selector =~ ~r/:host|::?slotted|::?part|:-|:defined/iu)
  end

  defp declaration(text) do
    with [name, value] <- String.split(text, ":", parts: 2),
         name = name |> String.trim() |> String.downcase(),
         value = String.trim(value),
         true <-
           value != "" and allowed?(name, value) and
             safe_value?(String.replace(value, ~r/!\s*important$/i, "")) do
      "#{name}: #{value}; "
    else
      _ -> ""
    end
  end

  # Fixed to the window is not fixed to the game.
  defp allowed?("position", value), do: String.downcase(value) in ["static", "relative", "absolute", "sticky"]
  defp allowed?("--" <> name, _), do: name =~ ~r/^[a-z0-9_-]{1,64}$/

  defp allowed?("-webkit-" <> name, _),
    do: name in ["appearance", "user-select", "text-fill-color", "background-clip"]

  defp allowed?(name, _), do: name in @properties

  # Splits at a separator that is outside of strings and parentheses.
  defp split(text, separator), do: split(text, separator, 0, [], [])

  defp split("", _, _, part, parts), do: Enum.reverse([done(part) | parts])

  defp split(<<separator, rest::binary>>, separator, 0, part, parts),
    do: split(rest, separator, 0, [], [done(part) | parts])

  defp split(<<quote_, _::binary>> = text, separator, depth, part, parts) when quote_ in [?", ?'] do
    {string, rest} = string(text)
    split(rest, separator, depth, [string | part], parts)
  end

  defp split(<<letter, rest::binary>>, separator, depth, part, parts) do
    depth =
      case letter do
        ?( -> depth + 1
        ?) -> max(depth - 1, 0)
        _ -> depth
      end

    split(rest, separator, depth, [letter | part], parts)
  end
end
