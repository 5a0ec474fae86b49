defmodule GameBox.View do
  @moduledoc """
  What a game has rendered, as a tree of what is allowed, and a style sheet of what is allowed.

  HTML of a game never reaches a browser as text: it is tokenised here, everything that is not on a list is dropped,
  and what is left is sent as a tree that the page builds node by node. So no difference between this reader of HTML
  and the browser's can smuggle anything in.

  Invariant: a tree has only the elements, attributes and events of `GameBox.View.Allowed`; its style sheet and its
  style attributes have only what `GameBox.View.Css` lets through.

  A node is a text, or `[name, attributes, children, events]`, where events says which event each kind of action
  makes: `%{"click" => "cell-clicked", "values" => %{"cell" => "4"}}`.
  """

  alias GameBox.Limits
  alias GameBox.View.{Allowed, Css}

  @type node_ :: String.t() | [String.t() | map() | [node_()]]
  @type t :: %{body: [node_()], css: String.t()}

  @doc "Reads HTML."
  @spec from_html(binary()) :: {:ok, t()} | {:error, String.t()}
  def from_html(html) do
    cond do
      byte_size(html) > Limits.html_bytes_max() -> {:error, "the view is too large"}
      not String.valid?(html) -> {:error, "the view is not text (UTF-8)"}
      true -> build(html)
    end
  end

  defp build(html) do
    root = %{name: nil, attributes: %{}, events: %{}, children: []}
    state = %{stack: [root], depth: 0, nodes: 0, styles: [], skip: nil}
    state = Enum.reduce(:mochiweb_html.tokens(html), state, &token(lower(&1), &2))
    [root] = close_all(state.stack)
    css = state.styles |> Enum.reverse() |> Enum.join("\n") |> Css.sheet()
    {:ok, %{body: Enum.reverse(root.children), css: css}}
  catch
    {:too_much, text} -> {:error, text}
    :error, _ -> {:error, "the view is not HTML"}
  end

  defp lower({:start_tag, name, attributes, slashed?}),
    do: {:start_tag, String.downcase(name), attributes, slashed?}

  defp lower({:end_tag, name}), do: {:end_tag, String.downcase(name)}
  defp lower(token), do: token

  # Inside of an element whose content is no text for people, everything is passed over up to its end.
  defp token({:end_tag, name}, %{skip: {name, 0, _}} = state), do: leave_skipped(state)
  defp token({:end_tag, name}, %{skip: {name, n, texts}} = s), do: %{s | skip: {name, n - 1, texts}}
  defp token({:start_tag, name, _, false}, %{skip: {name, n, t}} = s), do: %{s | skip: {name, n + 1, t}}
  defp token({:data, text, _}, %{skip: {name, n, texts}} = s), do: %{s | skip: {name, n, [text | texts]}}
  defp token(_, %{skip: {_, _, _}} = state), do: state

  defp token({:data, text, _}, state), do: child(clean(text), state)
  defp token({:end_tag, name}, state), do: close(state, name)

  defp token({:start_tag, name, attributes, slashed?}, state) do
    case Allowed.element(name) do
      :skipped when slashed? -> state
      :skipped -> %{state | skip: {name, 0, []}}
      :unknown -> state
      kind -> state |> imply(name) |> open(name, attributes, kind, slashed?)
    end
  end

  defp token(_comment_or_doctype, state), do: state

  defp leave_skipped(%{skip: {"style", _, texts}} = state) do
    text = texts |> Enum.reverse() |> IO.iodata_to_binary()
    %{state | skip: nil, styles: [text | state.styles]}
  end

  defp leave_skipped(state), do: %{state | skip: nil}

  defp open(state, name, attributes, kind, slashed?) do
    {attributes, events} = Allowed.attributes(name, attributes)
    element = %{name: name, attributes: attributes, events: events, children: []}

    if kind == :void or (kind == :shape and slashed?) do
      child(finish(element), state)
    else
      if state.depth >= Limits.depth_max(), do: throw({:too_much, "elements are nested too deeply"})
      %{state | stack: [element | state.stack], depth: state.depth + 1}
    end
  end

  # Elements that end where the next of their kind begins.
  @implied %{
    "li" => ["li"],
    "dt" => ["dt", "dd"],
    "dd" => ["dt", "dd"],
    "option" => ["option"],
    "tr" => ["td", "th", "tr"],
    "td" => ["td", "th"],
    "th" => ["td", "th"]
  }
  defp imply(%{stack: [%{name: open} | _]} = state, name) do
    if open in Map.get(@implied, name, []), do: state |> close(open) |> imply(name), else: state
  end

  defp close(%{stack: stack} = state, name) do
    case Enum.find_index(stack, &(&1.name == name)) do
      nil -> state
      index -> Enum.reduce(0..index, state, fn _, state -> pop(state) end)
    end
  end

  defp pop(%{stack: [element | rest]} = state) do
    child(finish(element), %{state | stack: rest, depth: state.depth - 1})
  end

  defp close_all([root]), do: [root]

  defp close_all([element, parent | rest]),
    do: close_all([%{parent | children: [finish(element) | parent.children]} | rest])

  defp child("", state), do: state

  defp child(node, %{stack: [parent | rest], nodes: nodes} = state) do
    if nodes >= Limits.nodes_max(), do: throw({:too_much, "the view has too many elements"})
    %{state | stack: [%{parent | children: [node | parent.children]} | rest], nodes: nodes + 1}
  end

  defp finish(%{name: name, attributes: attributes, children: children, events: events}) do
    [name, attributes, Enum.reverse(children), events]
  end

  @doc false
  @spec clean(binary()) :: String.t()
  def clean(text) do
    if String.valid?(text), do: String.replace(text, ~r/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/, ""), else: ""
  end
end
