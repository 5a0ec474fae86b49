defmodule GameBox.View.Allowed do
  @moduledoc """
  The elements and attributes that a view may have, and the attributes by which it says what happens when somebody
  clicks. What is not listed is not there.

  Invariant: no element that loads, runs, embeds or navigates; no attribute with an address other than an image
  written out in it.
  """

  alias GameBox.{Limits, View}
  alias GameBox.View.Css

  @plain ~w(a abbr article aside b blockquote button caption code colgroup dd details div dl dt em fieldset
            figcaption figure footer form h1 h2 h3 h4 h5 h6 header i kbd label legend li main mark meter nav ol
            optgroup option output p pre progress s samp section select small span strong sub summary sup table
            tbody td textarea tfoot th thead time tr u ul)
  @void ~w(br col hr img input wbr)
  @shapes ~w(svg g path circle ellipse line polygon polyline rect text tspan)
  @skipped ~w(script style iframe frame frameset object embed applet template noscript noembed noframes head title
              audio video canvas math foreignobject xmp plaintext)

  @doc "What becomes of an element: it, too, with or without content; or its content alone; or nothing."
  @spec element(String.t()) :: :plain | :void | :shape | :skipped | :unknown
  for {names, kind} <- [{@plain, :plain}, {@void, :void}, {@shapes, :shape}, {@skipped, :skipped}],
      name <- names do
    def element(unquote(name)), do: unquote(kind)
  end

  def element(_), do: :unknown

  @anywhere ~w(class id title role lang dir hidden tabindex)
  @by_element %{
    "button" => ~w(type name value disabled),
    "input" => ~w(type name value checked disabled readonly required min max step minlength maxlength size
                  placeholder inputmode list),
    "select" => ~w(name multiple size disabled required),
    "option" => ~w(value selected disabled label),
    "optgroup" => ~w(label disabled),
    "textarea" => ~w(name rows cols disabled readonly required minlength maxlength placeholder),
    "label" => ~w(for),
    "output" => ~w(for),
    "fieldset" => ~w(disabled),
    "td" => ~w(colspan rowspan headers),
    "th" => ~w(colspan rowspan headers scope),
    "col" => ~w(span),
    "colgroup" => ~w(span),
    "ol" => ~w(start reversed type),
    "li" => ~w(value),
    "img" => ~w(src alt width height),
    "meter" => ~w(value min max low high optimum),
    "progress" => ~w(value max),
    "details" => ~w(open),
    "time" => ~w(datetime)
  }
  @shape_attributes ~w(viewbox width height x y x1 y1 x2 y2 cx cy r rx ry d points fill stroke stroke-width
                       stroke-linecap stroke-linejoin stroke-dasharray opacity fill-opacity stroke-opacity fill-rule
                       transform text-anchor dominant-baseline font-size font-weight preserveaspectratio)
  @input_types ~w(text number radio checkbox range hidden button submit search tel)
  @button_types ~w(button submit reset)
  @events %{
    "phx-click" => "click",
    "phx-submit" => "submit",
    "phx-change" => "change",
    "phx-keydown" => "keydown",
    "phx-keyup" => "keyup",
    "phx-window-keydown" => "window-keydown",
    "phx-window-keyup" => "window-keyup",
    "phx-key" => "key"
  }

  @doc "The attributes of an element that may stay, and its events."
  @spec attributes(String.t(), [{binary(), binary()}]) :: {map(), map()}
  def attributes(element, attributes) do
    Enum.reduce(attributes, {%{}, %{}}, fn {name, value}, {kept, events} ->
      name = String.downcase(name)
      value = View.clean(value)

      case attribute(element, name, value) do
        {:event, kind, event} -> {kept, Map.put(events, kind, event)}
        {:value, key} -> {kept, put_value(events, key, value)}
        {:keep, value} -> {Map.put_new(kept, spelled(name), value), events}
        :drop -> {kept, events}
      end
    end)
  end

  defp attribute(_, "phx-value-" <> key, value) do
    if key =~ ~r/^[a-z0-9_-]{1,64}$/ and byte_size(value) <= Limits.value_bytes_max(),
      do: {:value, key},
      else: :drop
  end

  defp attribute(_, "phx-" <> _ = name, value) do
    kind = @events[name]
    if kind && value != "" && byte_size(value) <= 64, do: {:event, kind, value}, else: :drop
  end

  defp attribute(_, "style", value), do: keep(Css.declarations(value))
  defp attribute(_, "tabindex", value), do: keep(value in ["0", "-1"] && value)
  defp attribute("input", "type", value), do: keep(one_of(value, @input_types))
  defp attribute("button", "type", value), do: keep(one_of(value, @button_types))

  # An image that is written out, of a kind that cannot contain anything else.
  defp attribute("img", "src", value),
    do: keep(value =~ ~r{^data:image/(png|gif|jpeg|webp);base64,[A-Za-z0-9+/]+=*$} && value)

  defp attribute(element, name, value) do
    cond do
      name in @anywhere or name =~ ~r/^(aria|data)-[a-z0-9-]{1,64}$/ -> {:keep, value}
      name in Map.get(@by_element, element, []) -> {:keep, value}
      element in @shapes and name in @shape_attributes -> keep(Css.safe_value?(value) && value)
      true -> :drop
    end
  end

  defp keep(value) when value in [nil, false, ""], do: :drop
  defp keep(value), do: {:keep, value}

  defp one_of(value, list) do
    value = String.downcase(value)
    value in list && value
  end

  defp put_value(events, key, value) do
    values = Map.get(events, "values", %{})

    if map_size(values) < Limits.values_max(),
      do: Map.put(events, "values", Map.put(values, key, value)),
      else: events
  end

  # Two attributes of shapes have capitals.
  defp spelled("viewbox"), do: "viewBox"
  defp spelled("preserveaspectratio"), do: "preserveAspectRatio"
  defp spelled(name), do: name
end
