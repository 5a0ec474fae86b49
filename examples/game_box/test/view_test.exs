defmodule GameBox.ViewTest do
  use ExUnit.Case, async: true

  alias GameBox.{Limits, View}

  defp view(html) do
    assert {:ok, view} = View.from_html(html)
    assert :ok = check(view.body)
    view
  end

  defp body(html), do: view(html).body
  defp css(text), do: view("<style>#{text}</style>").css

  # What no view may have, whatever it was made of.
  defp check(nodes) do
    Enum.each(nodes, fn
      text when is_binary(text) ->
        assert String.valid?(text)

      [name, attributes, children, events] ->
        assert name =~ ~r/^[a-z0-9]+$/

        refute name in ~w(script style iframe object embed link meta base form_ math foreignobject use image animate)

        for {key, value} <- attributes do
          assert key =~ ~r/^[a-zA-Z0-9-]+$/
          refute key =~ ~r/^on|href|^src(set|doc)|action|formaction|^is$|ping|background|data$/i
          if key == "src", do: assert(String.starts_with?(value, "data:image/"))
          if key == "style", do: refute(value =~ ~r/url|@|expression|\\/i)
        end

        for {key, _} <- events,
            do: assert(key in ~w(click submit change keydown keyup window-keydown window-keyup key values))

        check(children)
    end)
  end

  test "what games write comes through" do
    assert body(~s(<p class="a">Hi <b>you</b></p>)) == [
             ["p", %{"class" => "a"}, ["Hi ", ["b", %{}, ["you"], %{}]], %{}]
           ]

    assert body("<b>a</b> <b>b</b>") == [["b", %{}, ["a"], %{}], " ", ["b", %{}, ["b"], %{}]]
    assert body("&lt;b&gt; &amp; &eacute; é") |> Enum.join() == "<b> & é é"

    assert body("<ul><li>1<li>2</ul>") == [
             ["ul", %{}, [["li", %{}, ["1"], %{}], ["li", %{}, ["2"], %{}]], %{}]
           ]

    assert [["table", _, [["tr", _, [["td", _, ["1"], _], ["td", _, ["2"], _]], _], ["tr", _, _, _]], _]] =
             body("<table><tr><td>1<td>2<tr><td>3</table>")

    assert [
             [
               "svg",
               %{"viewBox" => "0 0 1 1"},
               [["circle", %{"r" => "1", "fill" => "#f00"}, [], %{}], "x"],
               %{}
             ]
           ] = body(~s(<svg viewBox="0 0 1 1"><circle r=1 fill=#f00 />x</svg>))

    assert body("<center>kept</center>") == ["kept"]
  end

  test "events are those of the games' own attributes" do
    assert body(~s(<td phx-click="cell-clicked" phx-value-cell="4">)) == [
             ["td", %{}, [], %{"click" => "cell-clicked", "values" => %{"cell" => "4"}}]
           ]

    assert [["form", %{}, _, %{"submit" => "bid"}]] =
             body("<form phx-submit=bid action=http://a method=post></form>")

    assert [["div", %{}, [], %{"window-keydown" => "k", "key" => "a"}]] =
             body("<div phx-window-keydown=k phx-key=a phx-hook=x phx-update=ignore>")

    assert body("<p phx-click=''>") == [["p", %{}, [], %{}]]
    assert body("<p phx-click=#{String.duplicate("a", 65)}>") == [["p", %{}, [], %{}]]
  end

  test "nothing runs, loads or navigates" do
    for html <- [
          "<script>alert(1)</script>",
          "<SCRIPT SRC=//evil></SCRIPT>",
          "<scr<script>ipt>alert(1)</script>",
          "<script><!--</script><p>--></p>",
          "<img src=x onerror=alert(1)>",
          "<img src=https://evil/x.png>",
          "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
          "<img src='data:text/html,<script>'>",
          "<img src=\"data:image/png;base64,AA==#\" srcset=//evil>",
          "<svg/onload=alert(1)>",
          "<svg><script>alert(1)</script></svg>",
          "<svg><use href=data:x></use><image href=//evil></svg>",
          "<svg><animate attributeName=href values=javascript:alert(1)>",
          "<svg><a xlink:href=javascript:alert(1)>x</a></svg>",
          "<svg><foreignObject><iframe src=//evil></foreignObject></svg>",
          "<svg><rect fill=url(//evil) /></svg>",
          "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
          "<math><annotation-xml encoding=text/html><script>alert(1)</script>",
          "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
          "<template><script>alert(1)</script></template>",
          "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
          "<object data=//evil></object><embed src=//evil>",
          "<link rel=stylesheet href=//evil><meta http-equiv=refresh content=0;url=//evil><base href=//evil>",
          "<a href=javascript:alert(1)>x</a><a href=' jav&#x09;ascript:alert(1)'>x</a>",
          "<form action=//evil><button formaction=javascript:alert(1)>x</button><input type=image src=//evil></form>",
          "<p onclick=alert(1) ONMOUSEOVER=alert(1) on\u0000click=1>x</p>",
          "<p/onclick=alert(1)/style=color:red>x",
          "<details open ontoggle=alert(1)>",
          "<input type=password><input autofocus onfocus=alert(1)>",
          "<video src=//evil poster=//evil><audio src=//evil><source src=//evil>",
          "<isindex type=image src=1 onerror=alert(1)>",
          "<p is=x-evil slot=y part=z nonce=1 contenteditable popover popovertarget=a>x</p>",
          "<xmp><script>alert(1)</script></xmp><plaintext><script>alert(1)",
          "<textarea></textarea><script>alert(1)</script>",
          "<title><script>alert(1)</script></title>",
          "<![CDATA[<script>alert(1)</script>]]><?xml version=1?><!doctype html>",
          "<p style='background:url(//evil)'>x",
          "<p style='background:\\75rl(//evil);color:red'>x",
          "<p style='width:expression(alert(1))'>x",
          "<p style='-moz-binding:url(//evil)'>x",
          "<p style='position:fixed;inset:0'>x",
          "<<p>>",
          "<",
          "</",
          "<p",
          "<p a",
          "<p a=",
          "<p a='",
          "&",
          "&#",
          "&#x;",
          "&#xD800;",
          "&#0;",
          "<!--",
          "<!",
          "<?",
          "</p>",
          "< p>"
        ],
        do: view(html)

    assert body("<script>alert(1)</script>a<style>p{}</style>b") == ["a", "b"]
    assert body("<script>unended") == []
  end

  test "a view is no larger than it may be" do
    assert {:error, "the view has too many elements"} =
             View.from_html(String.duplicate("<br>", Limits.nodes_max() + 1))

    assert {:error, "elements are nested too deeply"} =
             View.from_html(String.duplicate("<div>", Limits.depth_max() + 1))

    assert {:error, "the view is too large"} =
             View.from_html(String.duplicate("a", Limits.html_bytes_max() + 1))

    assert {:error, "the view is not text (UTF-8)"} = View.from_html("\xff")
    assert [["div" | _]] = body(String.duplicate("<div>", Limits.depth_max()))
  end

  # Halves and mixtures of what is dangerous, by a fixed seed: whatever comes out obeys the rules above.
  test "mixtures are as harmless as their parts" do
    :rand.seed(:exsss, {1, 2, 3})

    parts =
      ~w|<script> </script> <style> </style> <svg> </svg> <p <img src=x onerror=alert(1) > /> ' " = < & &#60; &lt; --> <!--
         <![CDATA[ ]]> <math> <title> </title> <textarea> </textarea> style= url( @import {} ; : \\ /* */ javascript: é| ++
        [" ", "\0", "\n", "<form phx-submit=a>", "</form>", "<select><option>", "phx-click=b"]

    read =
      Enum.count(1..3000, fn _ ->
        html = for _ <- 1..:rand.uniform(12), into: "", do: Enum.random(parts)

        case View.from_html(html) do
          {:ok, view} -> check(view.body) == :ok
          {:error, "the view is not HTML"} -> false
        end
      end)

    assert read > 2000
  end

  test "style sheets are rewritten from what is allowed" do
    assert css("p.a > b:nth-child(2) { color: red; width: calc(1px + 2%) }") ==
             "p.a > b:nth-child(2) { color: red; width: calc(1px + 2%); }\n"

    assert css("@media (max-width: 3rem) { p { color: red } }") ==
             "@media (max-width: 3rem) { p { color: red; }\n}\n"

    assert css("@keyframes k { from { opacity: 0 } 50.5% { opacity: 1 } }") ==
             "@keyframes k { from { opacity: 0; } 50.5% { opacity: 1; } }\n"

    assert css("p { --c: red; color: var(--c) !important; content: \"a;}b\" }") ==
             "p { --c: red; color: var(--c) !important; content: \"a;}b\"; }\n"

    assert css(
             "p { transform: translateX(1px) rotate(2deg); background: linear-gradient(90deg, rgba(0,0,0,.1), #fff) }"
           ) =~ "translateX"
  end

  test "style sheets load nothing and stay with the game" do
    for text <- [
          "@import '//evil';",
          "@import url(//evil);",
          "@font-face { font-family: a; src: url(//evil) }",
          "@namespace url(//evil);",
          "@page { margin: 1px }",
          "@property --a { syntax: '*' }",
          "@charset 'x';",
          "p { background: url(//evil) }",
          "p { background: u/**/rl(//evil) }",
          "p { background: URL (//evil) }",
          "p { background: \\75rl(//evil) }",
          "p { background-image: image-set('//evil' 1x) }",
          "p { background: -webkit-image-set('//evil' 1x) }",
          "p { background: image(//evil) }",
          "p { background: cross-fade(url(//evil), red) }",
          "p { background: element(#a) }",
          "p { background: paint(x) }",
          "p { cursor: url(//evil), auto }",
          "p { --u: url(//evil) }",
          "p { content: 'a\nb' ; position: fixed }",
          "p { behavior: url(x) }",
          "p { -moz-binding: url(x) }",
          "p { position: fixed }",
          "p { position: var(--x) }",
          "p { width: expression(alert(1)) }",
          ":host { display: none }",
          ":HOST(*) { display: none }",
          ":host-context(body) { display: none }",
          "::slotted(*) { color: red }",
          "a::part(x) { color: red }",
          "\\3a host { display: none }",
          "p { color: red; } </style><script>",
          "p { color: \"red }",
          "p { color: red\\",
          "p { color: 'a",
          "/* p { color: red }",
          "p { list-style-image: url(x) }",
          "p { mask: url(#a) }",
          "p { filter: url(#a) }",
          "p { background: src('//evil') }",
          "p { font: 1px url(x) }",
          "p { color: red) }",
          "}}}{{{",
          "@media url(x) { p { color: red } }"
        ] do
      result = css(text)

      refute result =~ ~r/url|evil|host|slotted|part|import|expression|fixed|\\|<|image|behavior|binding/i,
             "#{text} became #{result}"
    end

    assert css(String.duplicate("p{color:red}", 10_000)) == ""
    deep = String.duplicate("@media screen { ", 20) <> "p { color: red }" <> String.duplicate("}", 20)
    assert css(deep) == ""
  end

  test "a long word in a style sheet is no work" do
    sheet = fn -> css("p { --x: #{String.duplicate("a", 60_000)}; color: red }") end
    assert sheet |> Task.async() |> Task.await(10_000) =~ "color: red"
  end
end
