Feature: Counting

  Scenario Outline: A counter counts
    Given a counter at <start>
    When it is pressed <times> times
    Then it shows <shown>

    Examples:
      | start | times | shown |
      | 0     | 1     | 1     |
      | 5     | 3     | 8     |
      | 9     | 1     | 11    |

  Scenario: A counter begins at nothing
    Given a counter at 0
    Then it shows 0
