defmodule Extism.Error do
  @moduledoc """
  What went wrong.

  `status` says what, as an atom (docs/errors.md has them all), and `code` as a number; decide on one of these.
  `guest_code` is the code the plug-in itself returned, if it did; `message` is for people. `cause` is what a host
  function failed with, `{kind, reason, stacktrace}`.

      iex> {:error, error} = Extism.Plugin.new("no module")
      iex> {error.status, error.code}
      {:manifest_syntax, 200}
  """

  @type t :: %__MODULE__{
          status: atom(),
          code: non_neg_integer(),
          guest_code: integer() | nil,
          message: String.t(),
          cause: {:error | :exit | :throw, term(), Exception.stacktrace()} | nil
        }

  defexception [:status, :code, :guest_code, :message, :cause]

  @impl true
  def message(%__MODULE__{message: message}), do: message

  @doc false
  @spec from_native(map()) :: t()
  def from_native(error) do
    guest_code = if error.guest_code == :undefined, do: nil, else: error.guest_code
    fields = Map.take(error, [:status, :code, :message, :cause])
    struct!(%__MODULE__{guest_code: guest_code}, fields)
  end

  @doc """
  Raises an error. What a host function raised is raised again as it was.
  """
  @spec raise!(t()) :: no_return()
  def raise!(%__MODULE__{cause: {kind, reason, stacktrace}}), do: :erlang.raise(kind, reason, stacktrace)
  def raise!(%__MODULE__{} = error), do: raise(error)

  defimpl String.Chars do
    def to_string(error), do: error.message
  end
end
